/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings of a listener that others reach. See network.h. */
#include "network.h"

#include "address.h"
#include "agent/log.h"

void network_warn(const struct options *started, const struct options *running, const char *address)
{
    char configured[ADDRESS_TEXT_BYTES];
    if (address_is_loopback(&started->listen)) {
        return;
    }
    address_format(&started->listen, configured);
    const struct log_field where = log_text("address", address == NULL ? configured : address);
    if (running->http_users.count + running->http_tokens.count == 0) {
        log_event(LOG_WARNING, log_what("figures are shown to the network, without a password"), where);
    } else if (started->http_tls_certificate == NULL) {
        log_event(LOG_WARNING,
                  log_what("passwords and tokens cross the network as they are: see http.tls_certificate"),
                  where);
    }
}
