/* SPDX-License-Identifier: Apache-2.0 */
/* Who may come in by HTTP: names with the crypt(3) hash of a password (Basic), and names with the SHA-256 of a token of 256 random bits (Bearer).
 *
 *      nothing configured ─────────────────────────────────► OPEN
 *      a token whose hash is there, a password verified before ► KNOWN
 *      a password ──crypt(3), GATE_BURST at once, GATE_PER_S a second, one part in GATE_SHARE of the time──► KNOWN or REFUSED
 *               └──beyond that──► BUSY
 *      nothing, or nonsense ───────────────────────────────► REFUSED
 *
 *   G1  No secret is kept, logged or told: of a verified password its HMAC-SHA256 under a key that dies with the process, over the name and the hash it
 *       fits, so that a reload that takes a name or changes its hash undoes it.
 *   G2  Who was verified once, or shows a token, pays microseconds, and waits for nobody's guesses but for one that is being computed.
 *   G3  Guesses cost at most GATE_PER_S computations a second and, in the long run, one part in GATE_SHARE of one core, of all listeners together, whatever
 *       a hash costs: each is paid for by the processor time that it took. A name that is not there costs as a user's that is, for each such
 *       name always the same user's, so that the time tells nothing where hashes are of several kinds.
 *   G4  Hashes are compared in constant time, and each with all of its kind.
 *
 * Who has not been verified since the start has to get through beside the guesses of a flood. A computation holds the HTTP thread that does it, and
 * others that have one to do: `slipring password` makes a hash of some 30 ms, and above some 0.2 s none is taken (credentials.h).
 *
 * gate_check() in any thread. */
#ifndef AGENT_GATE_H
#define AGENT_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config/credentials.h"

#define GATE_BURST 4
#define GATE_PER_S 4
#define GATE_SHARE 8

struct gate;

enum gate_result { GATE_OPEN, GATE_KNOWN, GATE_REFUSED, GATE_BUSY };

struct gate_pass {
    enum gate_result result;
    bool is_wrong;                       /* REFUSED: something was shown, and is no good */
    const struct credential *credential; /* KNOWN: whose, in what was given; else NULL */
};

/* False: no memory or no random bytes, and the log says so. */
__attribute__((warn_unused_result)) bool gate_open(struct gate **out_gate);
/* NULL is ignored. */
void gate_close(struct gate *gate);

/* authorization: the header, or NULL. now_ns: store time. */
struct gate_pass gate_check(struct gate *gate, const struct credentials *credentials,
                            const char *authorization, uint64_t now_ns);

#endif
