/* SPDX-License-Identifier: Apache-2.0 */
/* Sheds load while its own error budget burns, and carries on when it no longer does: asks slipring_burn_rate() before each request, which
 * takes nanoseconds. What slipringd knows of the last minutes decides, over all processes that do the same work.
 *
 *     cc shed_load.c $(pkg-config --cflags --libs slipring) -o shed_load
 *     slipringd & ./shed_load
 *
 * Plays a server whose backend fails for a while. Three things are worth copying: shed as much as is too much, by the burn rate, not by the
 * last error; let some requests through all the same, or nobody would notice that it is over; and decide nothing by figures that no agent renews. */
#include <slipring/slipring.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define BURN_LIMIT  10.0 /* over five minutes: sheds above it */
#define LEAST_SHARE 0.01 /* of the requests is let through whatever happens */
#define STALE_NS    UINT64_C(5000000000)
#define GIVE_UP_NS  UINT64_C(60000000000)

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* always there */
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

struct shedder {
    struct slipring_primitive *work;
    double credit; /* a request that is let through takes 1 */
    bool is_shedding;
    bool is_stale;
    uint64_t looked_ns;
};

/* Does an agent live, and publish? Once a second: the figures of a dead one would have the last word for ever. */
static void look_whether_stale(struct shedder *shedder)
{
    struct slipring_slo_stats slo;
    const uint64_t now = now_ns();
    if (!shedder->is_stale && now - shedder->looked_ns < UINT64_C(1000000000)) {
        return;
    }
    shedder->looked_ns = now;
    shedder->is_stale = slipring_slo_read(shedder->work, &slo) != SLIPRING_OK ||
                        (now > slo.published_ns && now - slo.published_ns > STALE_NS);
}

static void say(struct shedder *shedder, bool is_shedding)
{
    if (shedder->is_shedding != is_shedding) {
        shedder->is_shedding = is_shedding;
        printf("%s\n", is_shedding ? "shedding load" : "carrying on");
    }
}

/* As large a share of the requests as would burn at the limit. A figure that does not exist sheds nothing. */
static bool is_admitted(struct shedder *shedder)
{
    double burn_rate = 0;
    look_whether_stale(shedder);
    if (shedder->is_stale ||
        slipring_burn_rate(shedder->work, "availability", 300, &burn_rate) != SLIPRING_OK ||
        burn_rate <= BURN_LIMIT) {
        say(shedder, false);
        return true;
    }
    say(shedder, true);
    const double share = BURN_LIMIT / burn_rate;
    shedder->credit += share > LEAST_SHARE ? share : LEAST_SHARE;
    if (shedder->credit < 1) {
        return false;
    }
    shedder->credit -= 1;
    return true;
}

/* What a request needs, and what may be broken. */
static enum slipring_outcome call_backend(bool is_broken)
{
    return is_broken ? SLIPRING_FAILURE : SLIPRING_SUCCESS;
}

int main(void)
{
    struct shedder shedder = {.is_stale = true};
    const struct slipring_slo slo = {.availability_ppb = SLIPRING_TARGET(0.99), .period_s = 3600};
    enum slipring_status status = slipring_primitive_get(slipring_default(), "serve", NULL, &shedder.work);
    if (status == SLIPRING_OK) {
        status = slipring_slo_configure(shedder.work, &slo);
    }
    if (status != SLIPRING_OK) {
        fprintf(stderr, "never shedding: %s\n", slipring_status_text(status)); /* the program runs on */
    }

    uint64_t shed = 0;
    bool has_shed = false;
    const uint64_t began_ns = now_ns();
    for (uint64_t request = 0; now_ns() - began_ns < GIVE_UP_NS; request++) {
        const bool is_broken = request >= 500 && !has_shed; /* and well again as soon as it is spared */
        if (is_admitted(&shedder)) {
            slipring_record(shedder.work, 1000000, call_backend(is_broken), NULL);
        } else {
            shed++; /* "try again later". Not recorded: nothing was done, and it would burn what it saves */
        }
        has_shed |= shedder.is_shedding;
        if (has_shed && !shedder.is_shedding) {
            printf("some were shed: %s\n", shed > 0 ? "yes" : "no");
            return 0;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL); /* until the next one comes */
    }
    fprintf(stderr, "shed_load: nothing was shed: does slipringd run?\n");
    return 1;
}
