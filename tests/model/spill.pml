/* SPDX-License-Identifier: Apache-2.0 */
/* A spill block: one owner updates it, the agent folds it meanwhile, either is killed anywhere; and settles what a dead owner left.
 *
 * Models libshm/protocol/spill.h G1 to G3 and libshm/peer/fold.h G1:
 *   owner         slipring_inline_update() of include/slipring/inline.h, sr_spill_open(), sr_spill_forget()
 *   agent, look   intake_take_ring() of agent/drain/intake.c: sr_spill_read_stand(), sr_fold_read(), sr_fold_is_whole()
 *   agent, reap   fold() of agent/drain/reaper.c: sr_spill_settle(), the final fold, sr_drain_wipe(); FREE
 *
 * Two cells; one word stands for the rest of an update (a cost). Each duration is 1, so the sum counts what was committed. A key is one
 * word, as in the source: turn, cell, "has a rest", the cell's new value. The journal makes a fold one step (journal.pml).
 *
 * Holds: what is folded never has a duration or a cost without its sample (G2); once the owner rests, or is dead and settled, the books
 * have every update that was committed, sum and cost with it, and no other (G1, G3).
 * Memory is sequentially consistent here. The orders that live readers need are tried in tests/orders/.
 *
 *   BROKEN_CELL_BEFORE_INTENT   the cell before (1): a kill counts a sample that has no duration
 *   BROKEN_NOTE_BEFORE_INTENT   (2) before (1): a kill does (4) of the last update again, with values of this one
 *   BROKEN_CELL_BEFORE_COMMIT   (4) before (3): a kill leaves a cell that the sum knows nothing of
 *   BROKEN_REST_BEFORE_CELL     the rest of (4) before its cell: a cost is folded without its sample
 *   BROKEN_NO_TURN              settling does not ask whether the update was committed
 *   BROKEN_SETTLE_ADDS          settling adds to the rest what it should store: done twice, it counts twice
 *   BROKEN_NO_SETTLE            the final fold takes the block as it stands
 *   BROKEN_SUM_AT_ONCE          the sum is folded although its cell was not there yet
 *   BROKEN_CELLS_FIRST          the fold reads the cells first, the rest last
 *   BROKEN_WHOLE_BY_CELL        an update counts as folded whole once its cell was there */

#define LIVES         2
#define UPDATES       (3 - lives) /* two in the first life, one in the second */
#define OWNERS_KILLED 2
#define AGENTS_KILLED 1

#define KEY(turn, word, has_rest, value) ((turn) | (word) << 1 | (has_rest) << 3 | (value) << 4)
#define TURN(key)     ((key) & 1)
#define WORD(key)     ((key) >> 1 & 3) /* 0: no update */
#define HAS_REST(key) ((key) >> 3 & 1)
#define VALUE(key)    ((key) >> 4)
#define LACKS(key)    (VALUE(key) - cell[WORD(key)])
#define NO_KEY        255

mtype = { FREE, OWNED, REAPING };
mtype state = FREE;

/* --- shared: the producer's line and the block ------------------------------------------------------------------------------------ */
byte key;     /* redo_key */
byte sum;     /* redo_sum: durations, above the turn */
byte noted;   /* redo_cost */
byte cell[3]; /* [0] is none */
byte rest;    /* SR_SPILL_COST */

/* --- durable: the agent's copy of the block, which is what the books have; and the ring's phase ----------------------------------- */
byte copy_sum, copy_rest, copy_cell[3];
bool is_folded;

/* --- ghosts: what happened, and whom the killer hit ------------------------------------------------------------------------------- */
byte committed, committed_rest;
bool is_alive, is_resting, is_looking, owner_killed, agent_killed;

#define BOOKS_ARE_EXACT                                                                                      \
    (copy_cell[1] + copy_cell[2] == committed && copy_sum == committed && copy_rest == committed_rest)

/* --- the owner -------------------------------------------------------------------------------------------------------------------- */

inline commit()
{
    d_step {
        sum = new_sum; /* (3) */
        committed++;
        committed_rest = committed_rest + has_rest
    }
}

inline note()
{
    if
    :: has_rest -> noted = rest + 1
    :: else
    fi
}

inline store_rest()
{
    if
    :: has_rest -> rest = noted
    :: else
    fi
}

inline update()
{
    d_step { /* private */
        value = cell[word] + 1;
        new_sum = (sum + 2) ^ 1
    }
#ifdef BROKEN_CELL_BEFORE_INTENT
    cell[word] = value;
#endif
#ifdef BROKEN_NOTE_BEFORE_INTENT
    note();
#endif
    key = KEY(new_sum & 1, word, has_rest, value); /* (1) */
#ifndef BROKEN_NOTE_BEFORE_INTENT
    note(); /* (2) */
#endif
#ifdef BROKEN_CELL_BEFORE_COMMIT
    cell[word] = value;
    commit();
    store_rest()
#else
    commit(); /* (3) */
#ifdef BROKEN_REST_BEFORE_CELL
    store_rest();
    cell[word] = value
#else
    cell[word] = value; /* (4) */
    store_rest()
#endif
#endif
}

inline live()
{
    key = sum & 1; /* sr_spill_forget(), CLAIMING */
    state = OWNED;
    do
    :: updates < UPDATES ->
        atomic {
            updates++;
            if
            :: word = 1
            :: committed > 0 -> word = 2 /* the first one may be called the first */
            fi;
            if
            :: has_rest = 0
            :: has_rest = 1
            fi
        }
        update()
    :: is_resting = true; break
    od;
end_at_rest:
    false /* and may be killed as well */
}

active proctype owner()
{
    byte lives, updates, word, has_rest, value, new_sum;
end_of_lives:
    do
    :: lives < LIVES && state == FREE ->
        d_step {
            lives++;
            updates = 0;
            is_alive = true
        }
        { live() } unless { owner_killed };
        d_step { /* nothing of it is left but what it stored */
            owner_killed = false;
            is_alive = false;
            is_resting = false;
            word = 0;
            has_rest = 0;
            value = 0;
            new_sum = 0
        }
    od
}

/* --- the agent -------------------------------------------------------------------------------------------------------------------- */

/* sr_fold_read(): whoever is too busy to be read is one whose key changed. */
inline read_block()
{
    stand_key = key;
    stand_sum = sum;
    d_step {
        if
        :: key != stand_key -> stand_key = NO_KEY
        :: else
        fi
    }
#ifndef BROKEN_CELLS_FIRST
    now_rest = rest;
#endif
    now_cell[1] = cell[1];
    d_step {
        now_cell[2] = cell[2];
        if /* has_its_cell() */
#ifdef BROKEN_SUM_AT_ONCE
        :: stand_key != NO_KEY ->
#else
        :: stand_key != NO_KEY && (TURN(stand_key) != TURN(stand_sum) || WORD(stand_key) == 0 ||
                                   VALUE(stand_key) <= now_cell[WORD(stand_key)]) ->
#endif
            now_sum = stand_sum / 2
        :: else -> now_sum = copy_sum
        fi;
        stand_key = 0;
        stand_sum = 0
    }
#ifdef BROKEN_CELLS_FIRST
    now_rest = rest;
#endif
}

/* sr_fold_is_whole(): the sum is read first, what was noted next. */
inline ask_whether_whole()
{
    d_step {
        is_whole = (TURN(sum) == TURN(sight) && sum / 2 == now_sum &&
                    (WORD(sight) == 0 || VALUE(sight) <= now_cell[WORD(sight)]))
    }
}

inline ask_for_the_rest()
{
    if
#ifdef BROKEN_WHOLE_BY_CELL
    :: false
#else
    :: is_whole && WORD(sight) != 0 && HAS_REST(sight) -> is_whole = (noted == now_rest)
#endif
    :: else
    fi
}

inline book()
{
    assert(now_sum <= now_cell[1] + now_cell[2]);  /* G2 */
    assert(now_rest <= now_cell[1] + now_cell[2]); /* G2 */
    assert(now_sum >= copy_sum && now_rest >= copy_rest && now_cell[1] >= copy_cell[1] &&
           now_cell[2] >= copy_cell[2]); /* fold.h G2 */
    copy_sum = now_sum;
    copy_rest = now_rest;
    copy_cell[1] = now_cell[1];
    copy_cell[2] = now_cell[2]
}

inline forget_look()
{
    is_looking = false;
    sight = 0;
    stand_key = 0;
    stand_sum = 0;
    is_whole = 0;
    now_sum = 0;
    now_rest = 0;
    now_cell[1] = 0;
    now_cell[2] = 0
}

inline look()
{
    d_step {
        is_looking = true;
        sight = key
    }
    read_block();
    ask_whether_whole();
    d_step {
        ask_for_the_rest();
        book();
        folded_key = (is_whole -> sight : NO_KEY); /* not whole: the next look shall find it changed */
        forget_look()
    }
}

inline settle()
{
#ifndef BROKEN_NO_SETTLE
    if
#ifdef BROKEN_NO_TURN
    :: WORD(key) != 0 ->
#else
    :: WORD(key) != 0 && TURN(key) == TURN(sum) ->
#endif
        assert(LACKS(key) == 0 || LACKS(key) == 1); /* else no owner left that behind */
        cell[WORD(key)] = VALUE(key);
        if
#ifdef BROKEN_SETTLE_ADDS
        :: HAS_REST(key) -> rest = rest + 1
#else
        :: HAS_REST(key) -> rest = noted
#endif
        :: else
        fi
    :: else
    fi
#else
    skip
#endif
}

inline reap()
{
    state = REAPING;
    if
    :: !is_folded ->
        settle();
        d_step { /* nobody else writes: one commit */
            now_sum = sum / 2;
            now_rest = rest;
            now_cell[1] = cell[1];
            now_cell[2] = cell[2];
            book();
            is_folded = true;
            forget_look();
            assert(BOOKS_ARE_EXACT) /* G1 */
        }
    :: else
    fi;
    key = sum & 1; /* sr_drain_wipe() */
    d_step {
        is_folded = false; /* of this life */
        folded_key = 0;
        state = FREE
    }
}

inline work()
{
end_idle:
    do
    :: state == OWNED && is_alive && key != folded_key -> look()
    :: d_step {
            state == OWNED && is_resting && key == folded_key -> assert(BOOKS_ARE_EXACT) /* G3 */
        }
    :: state != FREE && !is_alive -> reap() /* its lock is dropped: it stores no more */
    od
}

active proctype agent()
{
    byte folded_key; /* private: of the update that was folded whole */
    byte sight, stand_key, stand_sum, now_sum, now_rest, now_cell[3];
    bool is_whole;
end_between_agents:
    do
    :: { work() } unless { agent_killed };
        d_step {
            agent_killed = false;
            folded_key = 0;
            forget_look()
        }
    od
}

/* --- SIGKILL ---------------------------------------------------------------------------------------------------------------------- */

/* A look writes nothing before it commits: killed in it is killed before it. */
active proctype killer()
{
    byte owners, agents;
end:
    do
    :: is_alive && !owner_killed && owners < OWNERS_KILLED -> owner_killed = true; owners++
    :: !is_looking && agents < AGENTS_KILLED -> agent_killed = true; agents++; !agent_killed
    od
}
