/* SPDX-License-Identifier: Apache-2.0 */
/* The windows of one primitive as rows of a table: every window that the agent keeps, and the lifetime. */
#ifndef TOOLS_WINDOWS_H
#define TOOLS_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "figures.h"
#include "pure/duration.h"

/* All windows of a primitive, ascending, the lifetime last; returns how many, at most WINDOWS_MAX. */
enum { WINDOWS_MAX = SLIPRING_WINDOW_COUNT + 1 };
int windows_list(const struct figure *figure, const struct slipring_window_stats *out_windows[WINDOWS_MAX]);

/* The one of that length; NULL: it is not kept. */
const struct slipring_window_stats *windows_of(const struct figure *figure, uint64_t window_ns);
bool windows_are_kept(const struct figures *figures, uint64_t window_ns); /* by some of them */
/* The shortest that some of them keep and that is longer; 0: none. */
uint64_t windows_next(const struct figures *figures, uint64_t beyond_ns);

/* The length that was given to --OPTION. False: said on stderr, with those that are kept. */
__attribute__((warn_unused_result)) bool windows_parse(const struct figures *figures, const char *option,
                                                       const char *wish, uint64_t *out_window_ns);

/* The relative error that no percentile of any window exceeds; below 0: there is none. */
double windows_error(const struct figure *figure);

/* "10s", "7d", "lifetime" */
const char *windows_name(const struct slipring_window_stats *window, char out_name[SR_DURATION_LABEL_BYTES]);

/* Print them, two columns in. Idle ones have rates of 0 and no percentiles. */
void windows_print(const struct figure *figure, const struct render_style *style, FILE *stream);

#endif
