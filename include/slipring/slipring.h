/* SPDX-License-Identifier: Apache-2.0 */
/* Slipring: a lock-free shared-memory metrics store for one host. The whole public contract.
 *
 *     struct slipring_primitive *work;
 *     if (slipring_primitive_get(slipring_default(), "resize_image", "step", &work) != SLIPRING_OK) ...
 *     struct slipring_span span = slipring_begin(work);
 *     ...
 *     slipring_end(&span, SLIPRING_SUCCESS, NULL);
 */
#ifndef SLIPRING_SLIPRING_H
#define SLIPRING_SLIPRING_H

#include <slipring/objective.h>
#include <slipring/record.h>
#include <slipring/slo.h>
#include <slipring/stats.h>
#include <slipring/status.h>
#include <slipring/store.h>
#include <slipring/trace.h>
#include <slipring/usage.h>
#include <slipring/version.h>

#endif
