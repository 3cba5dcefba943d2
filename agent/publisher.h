/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher: turns durable words into the figures that every reader sees, ten times a second; when more than two hundred
 * primitives change all the time, each of them as often as 2,000 publishings a second allow. A primitive that did not change, and whose windows
 * are empty or cover all of their length, costs nothing; one whose windows cover more by and by, a few words (peer/slide.h, agent/books/agenda.h). A round is cut into calls, between which the drain has its turn. See agent/store.h for
 * threads and time. */
#ifndef AGENT_PUBLISHER_H
#define AGENT_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include <slipring/status.h>

struct agent_store;
struct books;
struct drain;
struct publisher;
struct checkpoint;

/* NO_MEMORY or OK. */
__attribute__((warn_unused_result)) enum slipring_status publisher_open(struct agent_store *store,
                                                                        struct books *books,
                                                                        struct drain *drain, uint64_t now_ns,
                                                                        struct publisher **out_publisher);
void publisher_close(struct publisher *publisher);

/* What CLOCK_REALTIME is, which calendar months and the times of incidents are told by: before a tick. */
void publisher_tell_time(struct publisher *publisher, uint64_t wall_ns);

/* Whose figures are the agent's, too, from now on. */
void publisher_show_checkpoint(struct publisher *publisher, struct checkpoint *checkpoint);

/* Ten times a second, whenever it is called; returns how long until it is due again, in nanoseconds. A call publishes a
 * bounded number of primitives, so that the drain comes to bring the clock forward: 0 says that the round goes on. */
uint64_t publisher_tick(struct publisher *publisher, uint64_t now_ns);

/* The next calls of publisher_tick(), until one does not return 0, publish everything that has changed by now, however lately its like was
 * published: for who is to see what an order did. */
void publisher_hurry(struct publisher *publisher);

/* A configuration was read: it is in force since wall_ns (CLOCK_REALTIME), or it was refused. */
void publisher_note_reload(struct publisher *publisher, bool is_good, uint64_t wall_ns);

/* At once, every primitive: before a clean stop, and in tests. */
void publisher_run(struct publisher *publisher, uint64_t now_ns);

/* A scrape of /metrics was answered and took took_ns to render. Any thread. */
void publisher_note_scrape(struct publisher *publisher, uint64_t took_ns);

#endif
