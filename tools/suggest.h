/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean ...?" */
#ifndef TOOLS_SUGGEST_H
#define TOOLS_SUGGEST_H

#include <stddef.h>

/* Insertions, deletions, replacements and swaps of neighbours, in bytes, that lead from one text to the other. */
size_t suggest_distance(const char *from, const char *to);

/* Collects candidates; the best one is near enough when it takes at most a third of the word's length, 1 at least. */
struct suggest {
    const char *word;
    const char *best; /* NULL: none is near enough; the candidate itself, not a copy */
    size_t best_distance;
};

void suggest_begin(struct suggest *suggest, const char *word);
void suggest_offer(struct suggest *suggest, const char *candidate);

#endif
