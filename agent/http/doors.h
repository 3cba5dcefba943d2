/* SPDX-License-Identifier: Apache-2.0 */
/* The doors of those who look: the TCP listener, with its certificate, and http.unix; opened at the start, and renewed by a reload (control/reload.h), in
 * two steps, so that a configuration is in force whole or not at all:
 *
 *      configuration ──doors_prepare()──► draft ──doors_take()──► in force; what it replaces is on its way out
 *                            │              └──doors_drop()──► as it was
 *                            └─a mistake──► as it was
 *
 *   G1  doors_prepare() reads the certificate and the key, then makes the socket, whose queue takes connections from then on. What is wrong with the
 *       first of them that is wrong is told, and nothing that is in force has changed; but for another mode or group of the same socket, which it gets
 *       there, when all else is good, and which doors_drop() takes back.
 *   G2  doors_take() reads no file and waits for no disk. When it refuses (no memory, no thread, or a draft that is out of date), nothing is changed.
 *   G3  A new certificate is for handshakes to come (tls.h): no connection ends, no handshake fails. Files are read at each reload, whether their names have
 *       changed or not. Whether there is TLS at all stays as it was at the start.
 *   G4  http.unix: a name that is there, and ours, stays as it is, with who is connected. One that is gone, or was taken for something else that does not listen, is
 *       made again. At another path the new one is there before the old one goes; of the old one answers under way go out, for HTTP_STOP_NS
 *       at most, while the drain goes on. Who has not asked yet is let go, as at a stop (http.h, G10).
 *   G5  A draft belongs to what was in force when it was made: once another draft was taken it is out of date.
 *
 * Killed between the two steps, an agent leaves the new socket as well as the old one, as dead ones that a start under the same name replaces.
 *
 * doors_prepare() and doors_drop() in any thread, one after the other; everything else in the drain thread. */
#ifndef AGENT_DOORS_H
#define AGENT_DOORS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/buffer.h"
#include "agent/config/options.h"
#include "agent/control/control.h"
#include "http.h"

struct doors;
struct doors_draft;

/* None is open yet: no reload is prepared before doors_open(). False: no memory, and the log says so. */
__attribute__((warn_unused_result)) bool doors_make(struct control *control, struct doors **out_doors);

/* Listen as the options say, and serve as `settings` do, of which kind and place are set here. False: the log says why. Then doors_close() is due
 * all the same. */
__attribute__((warn_unused_result)) bool doors_open(struct doors *doors, const struct http_settings *settings,
                                                    const struct options *options);

/* Where TCP listens: http_address(). */
void doors_address(const struct doors *doors, char out_text[ADDRESS_TEXT_BYTES]);

/* What a reload does, for its struct reload_doors: `context` is the struct doors. False: *message has a line that says why. */
__attribute__((warn_unused_result)) bool doors_prepare(void *context, const struct options *options,
                                                       struct doors_draft **out_draft,
                                                       struct buffer *message);
/* False: the log says why, and the draft is dropped. */
__attribute__((warn_unused_result)) bool doors_take(void *context, struct doors_draft *draft);
void doors_drop(void *context, struct doors_draft *draft);

/* About once a second: http_sweep(), and the end of who is on the way out. */
void doors_sweep(struct doors *doors, uint64_t now_ns);

/* As http_stop() and http_answers(), of all. NULL is ignored, here and below. */
void doors_stop(struct doors *doors);
unsigned doors_answers(const struct doors *doors);

/* As http_close(), of all. Orders are refused already, and reloads from now on; what they prepared may still be dropped, until: */
void doors_close(struct doors *doors);
/* Nobody prepares or drops any more. */
void doors_free(struct doors *doors);

#endif
