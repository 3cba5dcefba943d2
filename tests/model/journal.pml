/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: the agent books what two rings hold, is killed anywhere, and the next one goes on, while producers record.
 *
 * Models libshm/protocol/journal.h G1, G2, G4 and what hangs on it:
 *   build, commit, apply, clear   sr_batch_value(), sr_batch_commit(), sr_batch_clear()
 *   take                          intake_take_ring() of agent/drain/intake.c; final: INTAKE_FINAL
 *   work                          books_commit() of agent/books/books.c: heads between apply and clear; fold_rings() of agent/drain/reaper.c: ring
 *                                 states after that
 *   open                          sr_batch_replay(); take_up_ring() of agent/drain/intake.c publishes every head again
 *
 * Both rings are of one primitive, so that their samples meet in one word of the books. A ring has room for one sample, so that a head
 * that is published too early shows at once: the sample is written over. The owner of ring 1 may die; once its life is folded the ring is FREE,
 * and has a second owner.
 *
 * Holds: whenever the journal is clear, the books have as many samples as were taken; no sample is taken but the next one; at rest all that
 * was recorded is booked, every head is published, the dead owner's ring is in use again.
 * Memory is sequentially consistent here; towards a kill it is (journal.h G4).
 *
 *   BROKEN_EACH_PAIR_COMMITS     `committed` grows with each pair: half a batch is applied
 *   BROKEN_DIFFERENCES           pairs say how much is to be added: replayed, it is added twice
 *   BROKEN_NO_OVERLAY            the second ring of a batch does not see what the first one set
 *   BROKEN_NO_REPLAY             the next agent forgets what was committed
 *   BROKEN_CLEAR_BEFORE_APPLY    (5) before (3)
 *   BROKEN_NEXT_BEFORE_CLEAR     the next batch is built while this one is still called committed (G4)
 *   BROKEN_HEADS_BEFORE_COMMIT   (4) before (2): the producer writes over what the next agent has to take
 *   BROKEN_NO_REPUBLISH          the next agent leaves published heads as they are: a ring that is empty stays full
 *   BROKEN_FREE_BEFORE_COMMIT    the dead owner's ring is FREE before it is FOLDED
 *
 * What the source does on top of that, and no kill would tell:
 *   HOLDS_CLEAR_BEFORE_HEADS     (5) before (4): heads are published again anyhow
 *   HOLDS_FREE_BEFORE_CLEAR      ring states before (5): a replay changes nothing that the new owner has */

#define SAMPLES_0     2 /* of ring 0; ring 1: one in each of its two lives */
#define AGENTS_KILLED 2

/* Durable words */
#define HEAD   0 /* and 1: of ring 0 and 1 */
#define COUNT  2 /* of the books */
#define FOLDED 3 /* generation of ring 1 whose life is folded */
#define WORDS  4
#define NONE   255

mtype = { FREE, OWNED, REAPING };
mtype state = OWNED; /* of ring 1; ring 0 is OWNED for ever */
byte generation = 1; /* of ring 1 */
bool is_dead;        /* its owner's lock was dropped */

/* --- ring segment ------------------------------------------------------------------------------------------------------------------ */
byte sample[2]; /* the one that the ring has room for: its number */
byte tail[2];
byte published[2]; /* heads */

/* --- stats segment ----------------------------------------------------------------------------------------------------------------- */
byte durable[WORDS];
byte pair_word[WORDS], pair_value[WORDS];
byte committed;

bool agent_killed;
/* ghosts */
byte sample_generation; /* of the sample in ring 1 */
bool is_at_rest[2];     /* that producer records no more */

/* --- producers --------------------------------------------------------------------------------------------------------------------- */

active proctype producer_0()
{
    byte n;
    do
    :: d_step {
            n < SAMPLES_0 && tail[0] == published[0] -> n++; sample[0] = tail[0] + 1
        };
        tail[0]++
    :: n == SAMPLES_0 -> break
    od;
    is_at_rest[0] = true
}

/* The first owner dies, sooner or later, the second one goes on. */
active proctype producer_1()
{
    byte n;
    do
    :: d_step {
            n < 1 && tail[1] == published[1] -> n++; sample[1] = tail[1] + 1; sample_generation = 1
        };
        if
        :: tail[1]++
        :: break
        fi
    :: break
    od;
    atomic {
        n = 0;
        is_dead = true
    };
    atomic { /* claimed by somebody else */
        state == FREE -> generation = 2; is_dead = false; state = OWNED
    };
    do
    :: d_step {
            n < 1 && tail[1] == published[1] -> n++; sample[1] = tail[1] + 1; sample_generation = 2
        };
        tail[1]++
    :: n == 1 -> break
    od;
    is_at_rest[1] = true
}

/* --- the batch --------------------------------------------------------------------------------------------------------------------- */

/* place[]: where a word stands among the pairs, private */
inline new_pair(w, v)
{
    d_step {
        pair_word[count] = w;
        place[w] = count
    };
    pair_value[count] = v;
    count++;
#ifdef BROKEN_EACH_PAIR_COMMITS
    committed = count
#endif
}

inline set_pair(w, v)
{
    assert(place[w] == NONE); /* at most one a word */
    new_pair(w, v)
}

inline add_pair(w, v)
{
    if
#ifdef BROKEN_DIFFERENCES
    :: place[w] == NONE -> new_pair(w, v)
#else
    :: place[w] == NONE -> new_pair(w, durable[w] + v)
#endif
#ifdef BROKEN_NO_OVERLAY
    :: else -> pair_value[place[w]] = durable[w] + v
#else
    :: else -> pair_value[place[w]] = pair_value[place[w]] + v
#endif
    fi
}

inline apply()
{
    i = 0;
    do
    :: i < committed_here ->
#ifdef BROKEN_DIFFERENCES
        if
        :: pair_word[i] == COUNT -> durable[COUNT] = durable[COUNT] + pair_value[i]
        :: else -> durable[pair_word[i]] = pair_value[i]
        fi;
#else
        durable[pair_word[i]] = pair_value[i];
#endif
        i++
    :: else -> break
    od
}

inline forget_batch()
{
    ring = 0;
    count = 0;
    committed_here = 0;
    i = 0;
    place[0] = NONE;
    place[1] = NONE;
    place[2] = NONE;
    place[3] = NONE
}

/* --- the agent --------------------------------------------------------------------------------------------------------------------- */

inline open()
{
#ifndef BROKEN_NO_REPLAY
    committed_here = committed;
    apply();
#endif
    committed = 0;
    d_step {
        assert(durable[COUNT] == durable[HEAD] + durable[HEAD + 1]); /* G1 */
        forget_batch();
        own_head[0] = durable[HEAD];
        own_head[1] = durable[HEAD + 1]
    }
#ifndef BROKEN_NO_REPUBLISH
    published[0] = own_head[0];
    published[1] = own_head[1]
#endif
}

inline take()
{
    seen_generation = (ring == 1 && state == FREE -> 0 : generation); /* state and generation are one word; the tail is read after it */
    seen_tail = tail[ring];
    if
    :: seen_generation != 0 && seen_tail != own_head[ring] ->
        assert(seen_tail == own_head[ring] + 1 && sample[ring] == seen_tail);
        assert(ring == 0 || sample_generation == seen_generation); /* booked as what it was recorded for */
        add_pair(COUNT, 1);
        set_pair(HEAD + ring, seen_tail);
        own_head[ring] = seen_tail
    :: else
    fi;
    d_step {
        seen_tail = 0;
        seen_generation = 0;
        ring++
    }
}

inline publish_heads()
{
    published[0] = own_head[0];
    published[1] = own_head[1]
}

inline free_ring()
{
    if
    :: is_final -> state = FREE; is_final = false
    :: else
    fi
}

inline commit()
{
#ifdef BROKEN_HEADS_BEFORE_COMMIT
    publish_heads();
#endif
#ifdef BROKEN_FREE_BEFORE_COMMIT
    free_ring();
#endif
    committed = count; /* (2) */
    committed_here = count;
#ifdef BROKEN_CLEAR_BEFORE_APPLY
    committed = 0;
#endif
    apply(); /* (3) */
#ifdef HOLDS_CLEAR_BEFORE_HEADS
    committed = 0;
#endif
    publish_heads(); /* (4) */
#ifdef HOLDS_FREE_BEFORE_CLEAR
    free_ring();
#endif
#ifndef BROKEN_NEXT_BEFORE_CLEAR
    committed = 0; /* (5) */
#endif
    d_step {
        forget_batch();
        assert(durable[COUNT] == own_head[0] + own_head[1])
    }
}

#define IS_OVER       (state == REAPING || (state == OWNED && is_dead)) /* what lived in ring 1 */
#define HAS_NEWS(ring) (tail[ring] != own_head[ring])

inline work()
{
    open();
end_idle:
    do
    :: atomic {
            IS_OVER || HAS_NEWS(0) || HAS_NEWS(1) ->
                if
                :: IS_OVER -> state = REAPING; is_final = true
                :: else
                fi
        };
        if
        :: is_final && durable[FOLDED] == generation /* by one who was killed after that */
        :: else ->
            do
            :: ring < 2 -> take()
            :: else -> break
            od;
            if
            :: is_final -> set_pair(FOLDED, generation)
            :: else
            fi;
            commit()
        fi;
        free_ring()
    :: d_step {
            is_at_rest[0] && is_at_rest[1] && !HAS_NEWS(0) && !HAS_NEWS(1) ->
                assert(durable[COUNT] == tail[0] + tail[1]);
                assert(published[0] == tail[0] && published[1] == tail[1]);
                assert(state == OWNED && !is_dead)
        }
    od
}

active proctype agent()
{
    byte place[WORDS], count, committed_here, i, own_head[2], ring, seen_tail, seen_generation;
    bool is_final;
end_between_agents:
    do
    :: { work() } unless { agent_killed };
        d_step {
            agent_killed = false;
            forget_batch();
            own_head[0] = 0;
            own_head[1] = 0;
            seen_tail = 0;
            seen_generation = 0;
            is_final = false
        }
    od
}

/* --- SIGKILL ----------------------------------------------------------------------------------------------------------------------- */

active proctype killer()
{
    byte agents;
end:
    do
    :: agents < AGENTS_KILLED -> agent_killed = true; agents++; !agent_killed
    od
}
