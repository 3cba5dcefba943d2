/* SPDX-License-Identifier: Apache-2.0 */
/* Whose is a ring? Processes take slots, claim the ring, give it back, are killed anywhere; the agent reaps, offers, retires, is
 * killed anywhere.
 *
 * Models libshm/protocol/ring.h G4 and the states of libshm/protocol/layout.h:
 *   attach          sr_slot_take(), sr_liveness_take(): look, lock the byte, look again, OWNED
 *   claim, adopt    sr_ring_claim(), claim_state(), take_possession(), adopt() of libshm/protocol/ring.c
 *   retake          sr_ring_retake(), sr_ring_release()
 *   reap            agent/drain/reaper.c: seize(), look_at_dead_ring(), fold_rings(), free_slot(); slot by slot, where the source goes in passes
 *   retire          agent/drain/retirer.h (0) to (6)
 *   offer           sr_drain_offer(), offers_open() of agent/drain/offers.c
 *
 * One ring and two slots: what two processes do to each other they do to one ring. The generation is part of the ring's word, as in the source:
 * changing a state is a CAS of the whole word. A cell of the block stands for all that is recorded: a commit of the agent books how far it is
 * ahead of its durable copy.
 *
 * Holds: the ring has one owner at most, and no page of it is touched that is not reserved; it is claimed only when all of its last life is
 * booked, and booked for that life; nothing is read again once it was FOLDED and wiped. When all processes are gone, one pass of an agent leaves
 * ring and slots FREE or EMPTY, and all that was recorded is booked, once. Since kills are bounded and each run comes there, there is a way back
 * from every state.
 * Memory is sequentially consistent.
 *
 * ctest-labels: slow
 * ctest-timeout: 900
 *
 *   BROKEN_CLAIM_WITHOUT_CAS       two see the ring FREE, both have it
 *   BROKEN_LOCK_WITHOUT_LOOK       the taker of a slot does not look again once it has the byte: it takes a dead one's before it is reaped
 *   BROKEN_FREE_BEFORE_FOLDED      (4) of agent/drain/reaper.c before (3)
 *   BROKEN_FORGETS_REAPING         the next agent leaves a REAPING ring alone
 *   BROKEN_FORGETS_CLAIMING        the reaper leaves a ring alone whose claimer died CLAIMING it
 *   BROKEN_NO_PHASE                FOLDED is not noted: the next agent folds again what was wiped
 *   BROKEN_NO_RETIRING             a FREE ring is withdrawn and punched as it is: a claimer writes into a hole
 *   BROKEN_EMPTY_BEFORE_FORGOTTEN  (6) of agent/drain/retirer.h before (4): the new block is behind its old copy
 *   BROKEN_KEEPS_OFFERS            nobody takes back an offer whose process died
 *   BROKEN_SLOT_FREE_FIRST         a slot is FREE before its ring is: the ring is of nobody who could die */

#define SLOTS            2
#define LIVES            2 /* of processes, in all */
#define PROCESSES_KILLED 1 /* and one agent */

mtype = { EMPTY, FREE, CLAIMING, OWNED, RELEASED, REAPING, OFFERED, RETIRING };

#define NOBODY 0 /* who holds a byte of the lock file, or the ring: a process is 1 or 2 */
#define AGENT  3

/* --- ring segment and lock file ---------------------------------------------------------------------------------------------------- */
mtype state = EMPTY; /* these three are one word */
byte generation;
byte slot;
bool has_pages; /* ring_page */
byte cell;      /* of the spill block */
mtype slot_state[SLOTS] = FREE;
byte lock[SLOTS];

/* --- durable ----------------------------------------------------------------------------------------------------------------------- */
byte copy;
byte folded; /* generation whose life is FOLDED */

/* --- ghosts ------------------------------------------------------------------------------------------------------------------------ */
byte owner;  /* the process that believes to have the ring */
byte waiting; /* recorded and not booked; of which generation */
byte waiting_generation;
bool is_wiped;
bool is_hole; /* it was punched, and not reserved since */
byte lives, gone, killed;
bool agent_killed;

/* --- processes --------------------------------------------------------------------------------------------------------------------- */

/* The end of a step: killed after it, or not. */
#define STEP                                                                                                 \
    if                                                                                                       \
    :: killed < PROCESSES_KILLED -> killed++; goto dead                                                      \
    :: true                                                                                                  \
    fi

inline get_ring()
{
    assert(owner == NOBODY);
    owner = me
}

inline give_up(next_state)
{
    owner = NOBODY;
    state = next_state
}

inline record()
{
    atomic {
        assert(has_pages && !is_hole && owner == me);
        assert(waiting == 0 || waiting_generation == generation);
        cell++;
        waiting++;
        waiting_generation = generation;
        STEP
    }
}

proctype process(byte me)
{
    byte mine, seen_generation;
    mtype seen;
end_of_lives:
    do
    :: atomic {
            lives < LIVES && slot_state[0] == FREE && lock[0] == NOBODY -> lives++; mine = 0 /* looks FREE */
        };
        goto lock_byte
    :: atomic {
            lives < LIVES && slot_state[0] != FREE && slot_state[1] == FREE && lock[1] == NOBODY -> lives++; mine = 1
        };
lock_byte:
        atomic {
            if
            :: lock[mine] == NOBODY -> lock[mine] = me; STEP
            :: else -> goto dead /* all taken: the shared spill has its records */
            fi
        };
#ifndef BROKEN_LOCK_WITHOUT_LOOK
        if
        :: slot_state[mine] == FREE
        :: slot_state[mine] != FREE -> goto dead
        fi;
#endif
        atomic {
            assert(slot_state[mine] == FREE); /* libshm/protocol/slot.h G1 */
            slot_state[mine] = OWNED;
            STEP
        };
        atomic {
            if
            :: state == FREE || state == EMPTY || (state == OFFERED && slot == mine) ->
                seen = state;
                seen_generation = generation
            :: else -> goto leave /* none to be had */
            fi
        };
        atomic { /* CLAIMING, by CAS */
            if
#ifdef BROKEN_CLAIM_WITHOUT_CAS
            :: true ->
#else
            :: state == seen && generation == seen_generation ->
#endif
                get_ring();
                state = CLAIMING;
                generation++;
                slot = mine;
                STEP
#ifndef BROKEN_CLAIM_WITHOUT_CAS
            :: else -> goto leave
#endif
            fi
        };
        atomic {
            if
            :: has_pages
            :: !has_pages -> has_pages = true; is_hole = false
            :: !has_pages -> give_up(EMPTY); goto leave /* no room */
            fi;
            STEP
        };
        atomic {
            is_wiped = false;
            state = OWNED;
            STEP
        };
        record();
        atomic {
            give_up(RELEASED);
            STEP
        };
        if
        :: atomic {
                state == RELEASED && slot == mine -> get_ring(); state = OWNED /* retaken by another thread */
            };
            record();
            atomic {
                give_up(RELEASED);
                STEP
            }
        :: true
        fi;
leave:
        atomic {
            slot_state[mine] = RELEASED;
            STEP
        };
dead: /* or done: the kernel drops what it had */
        atomic {
            lock[mine] = (lock[mine] == me -> NOBODY : lock[mine]);
            owner = (owner == me -> NOBODY : owner);
            mine = 0;
            seen = 0;
            seen_generation = 0;
            gone++
        }
    od
}

/* --- the agent --------------------------------------------------------------------------------------------------------------------- */

inline commit_final_fold()
{
    d_step {
        assert(!is_wiped && cell >= copy);
        assert(waiting == cell - copy);
        assert(waiting == 0 || waiting_generation == generation);
        copy = cell;
        waiting = 0;
        waiting_generation = 0;
#ifndef BROKEN_NO_PHASE
        folded = generation
#endif
    }
}

/* The ring is REAPING. */
inline fold_and_free()
{
#ifdef BROKEN_FREE_BEFORE_FOLDED
    state = FREE;
#endif
    if
    :: folded != generation -> commit_final_fold()
    :: else
    fi;
    is_wiped = true;
#ifndef BROKEN_FREE_BEFORE_FOLDED
    state = FREE
#endif
}

/* Each change is a CAS of the whole word: the ring is still this slot's. */
inline look_at_dead_ring()
{
    if
#ifndef BROKEN_FORGETS_CLAIMING
    :: atomic { slot == i && state == CLAIMING -> state = (has_pages -> FREE : EMPTY) }
#endif
#ifndef BROKEN_KEEPS_OFFERS
    :: atomic { slot == i && state == OFFERED -> state = FREE }
#endif
#ifdef BROKEN_FORGETS_REAPING
    :: atomic { slot == i && (state == OWNED || state == RELEASED) -> state = REAPING };
#else
    :: atomic { slot == i && (state == OWNED || state == RELEASED || state == REAPING) -> state = REAPING };
#endif
        fold_and_free()
    :: else
    fi
}

inline reap()
{
    i = 0;
    do
    :: i < SLOTS ->
        if
        :: slot_state[i] != FREE ->
            atomic { /* seize(): not while its owner has it */
                if
                :: lock[i] == NOBODY -> lock[i] = AGENT
                :: else -> goto next
                fi
            };
            slot_state[i] = REAPING;
#ifdef BROKEN_SLOT_FREE_FIRST
            slot_state[i] = FREE;
            lock[i] = NOBODY;
#endif
            look_at_dead_ring();
#ifndef BROKEN_SLOT_FREE_FIRST
            slot_state[i] = FREE;
#endif
            lock[i] = NOBODY
        :: else
        fi;
next:
        i++
    :: else -> break
    od;
    i = 0
}

/* (1) to (6) */
inline go_on_retiring()
{
    has_pages = false;
    is_hole = true;
    cell = 0;
#ifdef BROKEN_EMPTY_BEFORE_FORGOTTEN
    state = EMPTY;
#endif
    copy = 0;
#ifndef BROKEN_EMPTY_BEFORE_FORGOTTEN
    state = EMPTY
#endif
}

inline retire()
{
    d_step {
        (state == FREE || state == EMPTY) && has_pages && retirements == 0 -> retirements++
#ifndef BROKEN_NO_RETIRING
        ; state = RETIRING
#endif
    };
    go_on_retiring()
}

inline offer(to)
{
    d_step {
        (state == FREE || state == EMPTY) && slot_state[to] == OWNED && offers == 0 ->
            offers++;
            seen = state;
            seen_generation = generation
    };
    d_step {
        has_pages = true;
        is_hole = false
    };
    d_step {
        if
        :: state == seen && generation == seen_generation -> state = OFFERED; slot = to
        :: else
        fi;
        seen = 0;
        seen_generation = 0
    }
}

/* offers_open(), then a pass: reaper, and what the last agent left of the retirer's. */
inline pass()
{
    was_last = (gone == LIVES);
    reap();
    d_step {
        if
        :: state == RELEASED -> state = REAPING /* for a whole period: nobody wants it back */
        :: else
        fi
    };
    if
#ifndef BROKEN_FORGETS_REAPING
    :: state == REAPING -> fold_and_free() /* also what an agent left that was killed here */
#endif
    :: state == RETIRING -> go_on_retiring()
    :: else
    fi;
    d_step {
        assert(!was_last || ((state == FREE || state == EMPTY) && slot_state[0] == FREE && slot_state[1] == FREE));
        assert(!was_last || (waiting == 0 && copy == cell && owner == NOBODY));
        was_last = false
    }
}

inline work()
{
#ifndef BROKEN_KEEPS_OFFERS
    d_step {
        if
        :: state == OFFERED -> state = FREE
        :: else
        fi
    };
#endif
end_idle:
    do
    :: pass()
    :: retire()
    :: offer(0)
    :: offer(1)
    od
}

active proctype agent()
{
    byte i, seen_generation, retirements, offers;
    mtype seen;
    bool was_last;
    atomic {
        run process(1);
        run process(2)
    };
end_between_agents:
    do
    :: { work() } unless { agent_killed };
        d_step {
            if
            :: lock[0] == AGENT -> lock[0] = NOBODY
            :: else
            fi;
            if
            :: lock[1] == AGENT -> lock[1] = NOBODY
            :: else
            fi;
            agent_killed = false;
            i = 0;
            seen = 0;
            seen_generation = 0;
            was_last = false
        }
    od
}

/* --- SIGKILL ----------------------------------------------------------------------------------------------------------------------- */

active proctype killer()
{
end:
    agent_killed = true;
    !agent_killed
}
