/* SPDX-License-Identifier: Apache-2.0 */
/* The distance between two words: see suggest.h. */
#include "pure/suggest.h"

#include <string.h>

enum { LONGEST = 256 }; /* longer ones are compared by their beginning */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t sr_suggest_distance(const char *from, const char *to)
{
    size_t rows[3][LONGEST + 1]; /* the last two rows of the matrix, and the one being made */
    size_t from_length = least(strlen(from), LONGEST);
    size_t to_length = least(strlen(to), LONGEST);
    for (size_t j = 0; j <= to_length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= from_length; i++) {
        size_t *now = rows[i % 3];
        const size_t *last = rows[(i - 1) % 3];
        const size_t *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= to_length; j++) {
            size_t replaced = last[j - 1] + (from[i - 1] != to[j - 1]);
            now[j] = least(replaced, least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
                now[j] = least(now[j], before[j - 2] + 1);
            }
        }
    }
    return rows[from_length % 3][to_length];
}

void sr_suggest_begin(struct sr_suggest *suggest, const char *word)
{
    size_t near_enough = strlen(word) / 3;
    suggest->word = word;
    suggest->best = NULL;
    suggest->best_distance = (near_enough > 1 ? near_enough : 1) + 1;
}

void sr_suggest_offer(struct sr_suggest *suggest, const char *candidate)
{
    size_t distance = sr_suggest_distance(suggest->word, candidate);
    if (distance < suggest->best_distance) {
        suggest->best = candidate;
        suggest->best_distance = distance;
    }
}
