/* SPDX-License-Identifier: Apache-2.0 */
/* A ring: its owner writes samples and publishes them by the tail, the agent takes what is there and publishes the head; the owner is killed
 * anywhere and followed by another one, the agent likewise.
 *
 * Models libshm/protocol/ring.h G1 to G4:
 *   owner   sr_ring_publish(), sr_ring_overflow(), room_at(), open_view(): tail, what is known of the head and the last mark are private
 *   agent   sr_drain_samples(), word by word; the commit of agent/drain/intake.c takes head and mark together (journal.pml); then
 *           sr_drain_publish_head(); the next agent publishes every head again
 *
 * Four words. A sample is one word, its number; where the clock went on, a mark comes before it, two words. Tail and head only grow.
 * Once its life is over, everything is taken, and the next owner goes on at the same tail.
 *
 * Holds: the agent finds every published sample once, in its order, with the mark that its owner had; no word is written over that is still to
 * be taken; what does not fit is spilled, and nobody waits.
 * Memory is sequentially consistent; tests/orders/ has the orders that make it so.
 *
 * ctest-timeout: 900
 *
 *   BROKEN_TAIL_FIRST             the tail before the words
 *   BROKEN_HEAD_BEFORE_COMMIT     the head is published before it is durable
 *   BROKEN_FULL_TEST              a ring counts as having a word more than it has
 *   BROKEN_RESET_ON_REUSE         the next owner begins at 0
 *   BROKEN_MARK_NOT_DURABLE       the next agent knows the head, but not the mark before it
 *   BROKEN_NO_REPUBLISH           the next agent leaves the published head as it is */

#define WORDS         4
#define SAMPLES       4 /* of both owners */
#define AGENTS_KILLED 1

#define MARK   100 /* first word of a mark; the second one is 100 + the clock */
#define CLOCKS 2

/* --- shared ------------------------------------------------------------------------------------------------------------------------ */
byte word[WORDS];
byte tail, head; /* published */
byte clock = 1;
bool is_free; /* between two owners */

/* --- durable ----------------------------------------------------------------------------------------------------------------------- */
byte durable_head, durable_mark;

/* --- ghosts ------------------------------------------------------------------------------------------------------------------------ */
byte recorded;           /* samples published; their numbers are 1, 2, ... */
byte mark_of[SAMPLES + 1]; /* the clock that each was recorded at */
byte taken;              /* committed */
byte spilled;
bool is_dead, is_over, agent_killed;

/* --- owners ------------------------------------------------------------------------------------------------------------------------ */

inline write_words()
{
    if
    :: now != my_clock ->
        word[my_tail % WORDS] = MARK;
        word[(my_tail + 1) % WORDS] = MARK + now;
        word[(my_tail + 2) % WORDS] = recorded + 1
    :: else -> word[my_tail % WORDS] = recorded + 1
    fi
}

inline publish()
{
    atomic {
        recorded++;
        mark_of[recorded] = now;
        tail = my_tail + (now != my_clock -> 3 : 1)
    }
}

inline record()
{
    now = clock;
    if
    :: limit - my_tail < (now != my_clock -> 3 : 1) ->
#ifdef BROKEN_FULL_TEST
        limit = head + WORDS + 1
#else
        limit = head + WORDS /* look_at_head() */
#endif
    :: else
    fi;
    if
    :: limit - my_tail < (now != my_clock -> 3 : 1) -> spilled++
    :: else ->
#ifdef BROKEN_TAIL_FIRST
        publish();
        recorded--;
        write_words();
        recorded++;
#else
        write_words();
        publish();
#endif
        atomic {
            my_tail = my_tail + (now != my_clock -> 3 : 1);
            my_clock = now
        }
    fi
}

active proctype owner()
{
    byte my_tail, my_clock, limit, now, lives;
    do
    :: lives < 2 && recorded + spilled < SAMPLES ->
        { do
          :: recorded + spilled < SAMPLES -> record()
          :: break
          od } unless { is_dead };
        atomic {
            is_dead = true;
            lives++;
            now = 0;
            my_clock = 0;
            limit = 0
        };
        atomic { /* folded, FREE, claimed */
            is_free -> is_free = false;
            is_dead = false;
#ifdef BROKEN_RESET_ON_REUSE
            tail = 0;
#endif
            my_tail = tail;
            limit = my_tail
        }
    :: else -> break
    od;
    is_over = true
}

/* --- the agent --------------------------------------------------------------------------------------------------------------------- */

inline take()
{
    seen_tail = tail;
    assert(seen_tail - my_head <= WORDS);
    do
    :: my_head < seen_tail ->
        value = word[my_head % WORDS];
        my_head++;
        if
        :: value == MARK ->
            mark = word[my_head % WORDS] - MARK;
            my_head++
        :: else ->
            count++;
            assert(value == taken + count && mark == mark_of[value])
        fi
    :: else -> break
    od;
#ifdef BROKEN_HEAD_BEFORE_COMMIT
    head = my_head;
#endif
    atomic { /* one commit */
        durable_head = my_head;
        durable_mark = mark;
        taken = taken + count;
        count = 0;
        value = 0;
        seen_tail = 0
    };
    head = my_head
}

inline work()
{
    atomic {
        my_head = durable_head;
#ifndef BROKEN_MARK_NOT_DURABLE
        mark = durable_mark
#endif
    };
#ifndef BROKEN_NO_REPUBLISH
    head = my_head;
#endif
end_idle:
    do
    :: tail != my_head -> take()
    :: is_dead && !is_free ->
        if
        :: tail != my_head -> take()
        :: else
        fi;
        atomic {
            mark = 0; /* of a life that begins */
            durable_mark = 0;
            is_free = true
        }
    :: atomic {
            is_over && tail == my_head -> assert(taken == recorded && head == tail)
        }
    od
}

active proctype agent()
{
    byte my_head, mark, seen_tail, value, count;
end_between_agents:
    do
    :: { work() } unless { agent_killed };
        atomic {
            agent_killed = false;
            mark = 0;
            seen_tail = 0;
            value = 0;
            count = 0
        }
    od
}

/* --- the clock, and SIGKILL -------------------------------------------------------------------------------------------------------- */

active proctype others()
{
    byte kills, owners;
end:
    do
    :: clock < CLOCKS -> clock++
    :: owners == 0 && !is_dead && !is_over -> owners++; is_dead = true
    :: kills < AGENTS_KILLED -> kills++; agent_killed = true; !agent_killed
    od
}
