/* SPDX-License-Identifier: Apache-2.0 */
/* An explanation, as the files of `slipring slo explain` make it: explain.c, explain_spend.c. */
#ifndef TOOLS_EXPLAIN_PARTS_H
#define TOOLS_EXPLAIN_PARTS_H

#include "objectives.h"
#include "pure/duration.h"

struct step {
    char figure[32]; /* what comes out of it */
    char formula[96];
    char numbers[160];
    char result[64];
    char note[224];
};

enum { STEP_MAX = 32, NOTE_MAX = 4 };

struct explanation {
    const struct figures *figures;
    const struct objective *objective;
    const struct render_style *style;
    uint64_t length_s; /* of the period */
    char share[24];    /* 1 - target, exactly */
    struct step steps[STEP_MAX];
    int step_count;
    char notes[NOTE_MAX][320];
    int note_count;
};

/* As snprintf(): what does not fit is cut. */
__attribute__((format(printf, 3, 4))) void explain_put(char *out, size_t bytes, const char *format, ...);
#define PUT(field, ...) explain_put((field), sizeof(field), __VA_ARGS__)

struct step *explain_step(struct explanation *explanation, const char *figure, const char *formula);

/* Six digits, or all of them before the point: "3.60126", "4813714". */
const char *explain_digits(double value, struct render_text *room);
void explain_label(uint64_t seconds, char out_label[SR_DURATION_LABEL_BYTES]);

/* "; since 14:03:59" behind the note of a pair that fires, or did. */
void explain_since(const struct explanation *explanation, const struct slipring_slo_alert *alert,
                   struct step *step);

/* A money budget that has an amount: all of its steps. */
void explain_spend(struct explanation *explanation);

#endif
