/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and ending it all: see served.h. */
#include "served.h"

#include <stdio.h>
#include <string.h>

#define PRIMITIVES_DEFAULT 1000u  /* that slipringd allows by itself */
#define RING_CAP           39424u /* all that there are */

bool served_start(struct served *served, const struct machine *machine, const struct fleet_plan *plan)
{
    served->store = plan->store;
    const struct daemon_plan daemon = {
        .store = plan->store,
        .cpu = machine->consumer_cpu,
        .is_pinned = machine->is_pinned,
        .max_primitives = plan->primitives > PRIMITIVES_DEFAULT ? plan->primitives : 0,
        .ring_cap = RING_CAP,
        .exposes_few = plan->exposes_few,
        .config = plan->config,
    };
    if (!daemon_is_built()) {
        fputs("slipring-bench: there is no slipringd beside slipring-bench\n", stderr);
        return false;
    }
    if (!daemon_start_as(&served->daemon, &daemon) || !booked_open(plan->store, &served->stats)) {
        return false;
    }
    struct sr_stats_agent agent;
    sr_stats_agent(served->stats, &agent);
    memcpy(served->listen, agent.listen, sizeof served->listen);
    return fleet_start(&served->fleet, plan);
}

bool served_stop(struct served *served)
{
    const bool has_fleet_ended = fleet_stop(&served->fleet);
    const bool has_agent_ended = daemon_stop(&served->daemon);
    if (served->stats) {
        sr_stats_close(served->stats);
    }
    *served = (struct served){.store = NULL};
    return has_fleet_ended && has_agent_ended;
}
