/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate and the key of the TCP listener: read, looked at by GnuTLS so that what is wrong is told with the file's name, and put in force for the
 * handshakes to come, at a start and at a reload alike.
 *
 *      files ──tls_read()──► pair ──tls_put()──► in force ──the next tls_put()──► freed
 *                                                   │
 *                                                   └─tls_retrieve(), in each handshake──► its copy, GnuTLS's to free
 *
 *   G1  A handshake has a pair whole: certificate and key of one tls_put(). It keeps its copy, whatever is put meanwhile, and a connection that has
 *       shaken hands needs neither any more. So no connection ends because of a new pair.
 *   G2  From tls_put() on every handshake that comes to its certificate has the new one. Sessions are not resumed: there are no tickets, so nobody goes
 *       on with the certificate of before.
 *   G3  A file that cannot be read, is none, is too large, is not PEM, or a key that others may read, that is encrypted or is of another certificate: nothing
 *       is put, and the caller is told.
 *
 * One pair in a process, as one listener has TLS: libmicrohttpd hands GnuTLS a function, and no word for it to know its listener by. tls_read() in any thread;
 * it blocks on the disk. tls_put() and tls_retrieve() take a lock for as long as a copy takes (7 µs, while a
 * handshake's signature takes some 1,450). */
#ifndef AGENT_TLS_H
#define AGENT_TLS_H

#include <stdbool.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

/* TLS 1.2 and up, and what GnuTLS thinks fit of their ciphers. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls_pair;

/* What is wrong, and with which file. */
struct tls_fault {
    const char *file;
    const char *why;
    const char *error; /* a library's word for it; "none": there is none */
};

/* NULL: *out_fault says why. An expired certificate is taken, and the log says so. */
__attribute__((warn_unused_result)) struct tls_pair *tls_read(const char *certificate, const char *key,
                                                              struct tls_fault *out_fault);

/* One that was not put. NULL is ignored. */
void tls_free(struct tls_pair *pair);

/* In force from now on, and no more the caller's; the log has its serial number. NULL: none is, and handshakes fail. One thread at a time. */
void tls_put(struct tls_pair *pair);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK2. */
gnutls_certificate_retrieve_function3 tls_retrieve;

#endif
