/* SPDX-License-Identifier: Apache-2.0 */
/* Published figures made by hand: a primitive with one of everything. */
#ifndef TEST_SUPPORT_FIGURES_FILL_H
#define TEST_SUPPORT_FIGURES_FILL_H

#include <slipring/slo.h>
#include <slipring/stats.h>

void figures_fill(struct slipring_stats *stats, struct slipring_stats_detail *detail,
                  struct slipring_slo_stats *slo);

#endif
