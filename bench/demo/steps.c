/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the store, and each record with its own sum beside it. See steps.h. */
#include "steps.h"

#include <stdio.h>
#include <string.h>

const struct step_names steps_names[STEP_COUNT] = {
    [STEP_ARCHIVE] = {"archive_file", "workflow"},
    [STEP_READ] = {"read_file", "step"},
    [STEP_COMPRESS] = {"compress", "step"},
    [STEP_DIGEST] = {"digest", "step"},
};

/* false when it is not OK, and says so. */
static bool is_done(enum slipring_status status, const char *what, const struct steps *steps)
{
    if (status == SLIPRING_OK) {
        return true;
    }
    int error = slipring_store_errno(steps->store);
    fprintf(stderr, "slipring-demo: cannot %s: %s%s%s\n", what, slipring_status_text(status),
            error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
    return false;
}

bool steps_open(struct steps *out_steps, const char *store)
{
    static const struct slipring_slo slo = {
        .target_ppb = SLIPRING_TARGET(0.99),
        .latency_threshold_ns = UINT64_C(50000000),
        .availability_ppb = SLIPRING_TARGET(0.999),
    };
    *out_steps = (struct steps){.store = NULL};
    if (!is_done(slipring_open(store, &out_steps->store), "open the store", out_steps)) {
        return false;
    }
    for (unsigned i = 0; i < STEP_COUNT; i++) {
        const struct step_names *names = &steps_names[i];
        enum slipring_status status =
            slipring_primitive_get(out_steps->store, names->name, names->type, &out_steps->primitives[i]);
        if (!is_done(status, names->name, out_steps)) {
            return false;
        }
    }
    struct slipring_primitive *compress = out_steps->primitives[STEP_COMPRESS];
    return is_done(slipring_category_get(compress, "compute", &out_steps->compute), "add a category",
                   out_steps) &&
           is_done(slipring_category_get(compress, "storage", &out_steps->storage), "add a category",
                   out_steps) &&
           is_done(slipring_slo_configure(out_steps->primitives[STEP_ARCHIVE], &slo), "set the objectives",
                   out_steps);
}

struct slipring_span steps_begin(const struct steps *steps, enum step step)
{
    return slipring_begin(steps->primitives[step]);
}

static void count(const struct steps *steps, enum step step, enum slipring_outcome outcome)
{
    struct step_sums *sums = &steps->tally->steps[step];
    steps_add(&sums->executions, 1);
    steps_add(&sums->failures, outcome == SLIPRING_FAILURE);
}

void steps_end(const struct steps *steps, enum step step, struct slipring_span *span,
               enum slipring_outcome outcome)
{
    slipring_end(span, outcome, NULL);
    count(steps, step, outcome);
}

void steps_cancel(struct slipring_span *span)
{
    slipring_cancel(span);
}

void steps_end_compress(const struct steps *steps, struct slipring_span *span, uint64_t bytes)
{
    const struct slipring_cost cost = {
        .cost_nanodollars = bytes * STEPS_NANODOLLARS_PER_BYTE,
        .category = steps->compute,
    };
    slipring_end(span, SLIPRING_SUCCESS, &cost);
    count(steps, STEP_COMPRESS, SLIPRING_SUCCESS);
    steps_add(&steps->tally->steps[STEP_COMPRESS].cost, cost.cost_nanodollars);
}

void steps_save(const struct steps *steps, uint64_t bytes)
{
    const struct slipring_cost saved = {
        .savings_nanodollars = bytes * STEPS_NANODOLLARS_PER_BYTE,
        .category = steps->storage,
    };
    slipring_record_cost(steps->primitives[STEP_COMPRESS], &saved);
    steps_add(&steps->tally->steps[STEP_COMPRESS].savings, saved.savings_nanodollars);
}
