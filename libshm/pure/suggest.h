/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean ...?" */
#ifndef SR_PURE_SUGGEST_H
#define SR_PURE_SUGGEST_H

#include <stddef.h>

/* Insertions, deletions, replacements and swaps of neighbours, in bytes, that lead from one text to the other. */
size_t sr_suggest_distance(const char *from, const char *to);

/* Collects candidates; the best one is near enough when it takes at most a third of the word's length, 1 at least. */
struct sr_suggest {
    const char *word;
    const char *best; /* NULL: none is near enough; the candidate itself, not a copy */
    size_t best_distance;
};

void sr_suggest_begin(struct sr_suggest *suggest, const char *word);
void sr_suggest_offer(struct sr_suggest *suggest, const char *candidate);

#endif
