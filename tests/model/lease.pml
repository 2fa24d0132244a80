/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slices of one cap, leased by an authority to nodes that hold, send, settle and deliver, and that
 * may be killed between any two of these; requests and answers between them may be lost, doubled
 * and late; the authority may be away (all is lost), and may come back as it was at a backup.
 * One meter of one epoch, as src/store/budget_lease.h tells it, in small numbers.
 *
 * Always:
 * - what the authority has as spent and leased is never more than the cap;
 * - what is charged and held, at all nodes, is never more than the cap (of a dead node, what its
 *   journal says);
 * - what was sent is in the journal; nothing is charged twice, nor less than it cost; what was
 *   delivered is charged exactly what it cost;
 * - when a node has got its answer, both agree: so once all is settled and given back, nothing is
 *   stranded, unless a node is dead and its journal not read.
 *
 * With one of the BUG_ names defined the model leaves one rule out, and then one of these must
 * break: see run.py.
 */
#ifndef NODES
#define NODES 2
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 1 /* of each node */
#endif
#ifndef CAP
#define CAP 3
#endif
#ifndef CRASHES
#define CRASHES 1 /* of the first node */
#endif
#ifndef ASKS
#define ASKS 2 /* in each life of a node */
#endif
#ifndef RESTORES
#define RESTORES 0
#endif
#ifndef NEED
#define NEED 2 /* that it asks for at once */
#endif
#ifndef DOUBLES
#define DOUBLES 1 /* requests come twice */
#endif
#ifndef LATE_ANSWERS
#define LATE_ANSWERS 1 /* that may be on the way at a time, to each node */
#endif
#define ALL (NODES * ATTEMPTS)

mtype = { IDLE, HELD, WRITTEN, SENT, SETTLED, OVER };

/* --- the authority: one transaction for each request; it outlives all --- */
byte a_spent[NODES];
byte a_room[NODES];
byte a_life[NODES];  /* the last request that it served: of which life of the node, ... */
byte a_seq[NODES];   /* ... and its number */
bool a_heard[NODES]; /* it has said what it has, since the authority came back older */
byte b_spent[NODES]; /* the backup */
byte b_room[NODES];
byte b_life[NODES];
byte b_seq[NODES];
byte restores;

/* --- the nodes' memory --- */
bool up[NODES];
byte life[NODES];
byte granted[NODES]; /* spent and room */
byte spent[NODES];
byte held[NODES];
byte seq[NODES];
bool waiting[NODES]; /* for the answer to `seq` */
bool agreed[NODES];  /* the answer has come, and nothing was asked since */
byte crashes[NODES];

/* --- attempts --- */
mtype state[ALL];
mtype journal[ALL]; /* outlives the process: IDLE, HELD or SETTLED */
byte want[ALL];     /* the worst case */
byte cost[ALL];     /* what the upstream took, at most the worst case */
byte charge[ALL];
byte charged[ALL];  /* how often */
bool sent[ALL];
bool delivered[ALL];

/* Late: lying in here. Lost: taken out for nothing. Doubled: put in again behind the others. The
 * members: node, life, number, spent, room, need. */
chan requests = [2] of { byte, byte, byte, byte, byte, byte };
chan answers[NODES] = [LATE_ANSWERS] of { byte, byte, byte }; /* life, number, total */

byte i_, sum_;
bool open_;

inline check()
{
    d_step {
        sum_ = 0;
        open_ = true;
        for (i_ : 0 .. NODES - 1) {
            sum_ = sum_ + a_spent[i_] + a_room[i_];
            open_ = open_ && a_heard[i_];
            assert(!up[i_] || spent[i_] + held[i_] <= granted[i_]);
            assert(!agreed[i_] || granted[i_] == a_spent[i_] + a_room[i_])
        }
        assert(!open_ || sum_ <= CAP); /* what it has of those that it has not heard is too old */
        sum_ = 0;
        for (i_ : 0 .. NODES - 1) {
            sum_ = sum_ + granted[i_];
        }
        assert(sum_ <= CAP);
        sum_ = 0;
        open_ = false;
        for (i_ : 0 .. ALL - 1) {
            if
            :: journal[i_] == SETTLED -> sum_ = sum_ + charge[i_]
            :: journal[i_] == HELD || state[i_] == HELD -> sum_ = sum_ + want[i_]
            :: else
            fi;
            assert(!sent[i_] || journal[i_] != IDLE);
            assert(charged[i_] <= 1);
            assert(journal[i_] != SETTLED || charge[i_] >= cost[i_]);
            assert(!delivered[i_] || (charged[i_] == 1 && charge[i_] == cost[i_]))
        }
        assert(sum_ <= CAP);
        i_ = 0;
        sum_ = 0
    }
}

/* --- the exchange --- */

inline ask(n, room, need)
{
    seq[n]++;
    waiting[n] = true;
    agreed[n] = false;
    if
    :: nfull(requests) -> requests ! n, life[n], seq[n], spent[n], room, need
    :: full(requests) /* lost */
    fi
}

inline answer(n, of_life, number, total)
{
    if
    :: nfull(answers[n]) -> answers[n] ! of_life, number, total
    :: full(answers[n]) /* lost */
    fi
}

proctype Authority()
{
    byte n, of_life, number, told, room, need;
end:
    do
    :: atomic { nempty(requests) -> requests ? _, _, _, _, _, _ } /* lost */
    :: atomic {
        requests ? n, of_life, number, told, room, need;
#if DOUBLES
        if
        :: true
        :: requests ! n, of_life, number, told, room, need /* it comes again, later than others */
        fi;
#endif
        if
#ifndef BUG_NO_NUMBERS
        :: of_life < a_life[n] || (of_life == a_life[n] && number <= a_seq[n]) /* late, doubled */
#endif
        :: else ->
            a_life[n] = of_life;
            a_seq[n] = number;
            a_spent[n] = (told > a_spent[n] -> told : a_spent[n]);
            a_room[n] = room;
            a_heard[n] = true;
            open_ = true;
            for (i_ : 0 .. NODES - 1) {
                sum_ = sum_ + a_spent[i_] + a_room[i_];
#ifndef BUG_NO_ASSERTIONS
                open_ = open_ && a_heard[i_]
#endif
            }
            if
            :: open_ && sum_ + need <= CAP -> a_room[n] = a_room[n] + need
            :: else -> need = 0
            fi;
            i_ = 0; sum_ = 0; open_ = false;
#ifdef BUG_INCREMENT
            answer(n, of_life, number, need)
#else
            answer(n, of_life, number, a_spent[n] + a_room[n])
#endif
        fi;
        check();
        n = 0; of_life = 0; number = 0; told = 0; room = 0; need = 0
       }
    od
}

proctype Operator()
{
    byte n;
end:
    do
    :: atomic { /* a backup */
        restores < RESTORES ->
        for (n : 0 .. NODES - 1) {
            b_spent[n] = a_spent[n]; b_room[n] = a_room[n];
            b_life[n] = a_life[n]; b_seq[n] = a_seq[n]
        }
        n = 0
       }
    :: atomic { /* it comes back as it was then; connections end with it, requests on the way too */
        restores < RESTORES -> restores++;
        for (n : 0 .. NODES - 1) {
            a_spent[n] = b_spent[n]; a_room[n] = b_room[n];
            a_life[n] = b_life[n]; a_seq[n] = b_seq[n];
            b_spent[n] = 0; b_room[n] = 0; b_life[n] = 0; b_seq[n] = 0;
            a_heard[n] = false;
            agreed[n] = false;
            do
            :: nempty(answers[n]) -> answers[n] ? _, _, _
            :: empty(answers[n]) -> break
            od
        }
        n = 0;
        do
        :: nempty(requests) -> requests ? _, _, _, _, _, _
        :: empty(requests) -> break
        od
       }
#ifdef BUG_EXPIRE
    :: atomic { /* a dead node's room is given to others before its journal was read */
        !up[0] && a_room[0] > 0 -> a_room[0] = 0
       }
#endif
    od
}

/* --- a node --- */

inline die(n)
{
    crashes[n]++;
    up[n] = false; waiting[n] = false; agreed[n] = false;
    granted[n] = 0; spent[n] = 0; held[n] = 0; seq[n] = 0;
    for (a : n * ATTEMPTS .. n * ATTEMPTS + ATTEMPTS - 1) {
        state[a] = (state[a] == IDLE -> IDLE : OVER)
    }
    a = 0
}

/* The journal is read: what was held is charged. */
inline start(n)
{
    life[n]++;
    for (a : n * ATTEMPTS .. n * ATTEMPTS + ATTEMPTS - 1) {
        if
        :: journal[a] == HELD ->
            journal[a] = SETTLED;
            charged[a]++;
#ifndef BUG_FORGET_HOLDS
            charge[a] = want[a]
#endif
        :: else
        fi;
        if
        :: journal[a] == SETTLED -> spent[n] = spent[n] + charge[a]
        :: else
        fi
    }
    a = 0;
    granted[n] = spent[n];
    up[n] = true
}

proctype Node(byte n)
{
    byte a, of_life, number, total;
end:
    do
    :: atomic { !up[n] && (life[n] == 0 || life[n] <= crashes[n]) -> start(n); check() }
    :: atomic { n == 0 && up[n] && crashes[n] < CRASHES -> die(n); check() }
    :: atomic { /* more is wanted; what is told first is what it has */
        up[n] && !waiting[n] && seq[n] < ASKS -> ask(n, granted[n] - spent[n], NEED)
       }
    :: atomic { /* given back: not used from now on, then told */
        up[n] && !waiting[n] && seq[n] < ASKS ->
#ifdef BUG_RETURN_LATE
        ask(n, held[n], 0)
#else
#ifdef BUG_RETURN_HELD
        granted[n] = spent[n] + held[n];
        ask(n, 0, 0)
#else
        granted[n] = spent[n] + held[n];
        ask(n, held[n], 0)
#endif
#endif
       }
    :: atomic { /* no answer came in time; whether it was served is not known */
        up[n] && waiting[n] -> waiting[n] = false
       }
    :: atomic { nempty(answers[n]) -> answers[n] ? _, _, _ }
    :: atomic {
        if
        :: answers[n] ? of_life, number, total
        :: answers[n] ? <of_life, number, total> /* it comes again */
        fi;
#ifdef BUG_INCREMENT
        if
        :: up[n] && of_life == life[n] -> granted[n] = granted[n] + total; waiting[n] = false
        :: else
        fi;
#else
        if
        :: up[n] && waiting[n] && of_life == life[n] && number == seq[n] ->
            granted[n] = total;
            waiting[n] = false;
            agreed[n] = a_heard[n]
        :: else
        fi;
#endif
        of_life = 0; number = 0; total = 0;
        check()
       }
    od
}

/* --- an attempt; a crash of its node ends it between any two steps --- */

#define WANT(a) (2 - (a) % ATTEMPTS) /* of each node the first 2, the second 1 */

inline write_settle(n, a)
{
    journal[a] = SETTLED;
    charge[a] = cost[a];
    charged[a]++;
    held[n] = held[n] - want[a];
    spent[n] = spent[n] + cost[a]
}

proctype Attempt(byte n; byte a)
{
end:
    do
    :: atomic {
        up[n] && state[a] == IDLE && spent[n] + held[n] + WANT(a) <= granted[n] ->
        want[a] = WANT(a);
        held[n] = held[n] + want[a];
        state[a] = HELD;
        check()
       }
#ifdef BUG_SEND_FIRST
    :: atomic { state[a] == HELD -> sent[a] = true; cost[a] = want[a]; state[a] = WRITTEN; check() }
    :: atomic { state[a] == WRITTEN -> journal[a] = HELD; state[a] = SENT; check() }
#else
    :: atomic { state[a] == HELD -> journal[a] = HELD; state[a] = WRITTEN; check() }
    :: atomic {
        state[a] == WRITTEN -> sent[a] = true; state[a] = SENT;
        if
        :: cost[a] = want[a]
        :: cost[a] = want[a] - 1
        fi;
        check()
       }
#endif
#ifdef BUG_DELIVER_FIRST
    :: atomic { state[a] == SENT -> delivered[a] = true; state[a] = SETTLED; check() }
    :: atomic { state[a] == SETTLED -> write_settle(n, a); state[a] = OVER; check() }
#else
    :: atomic { state[a] == SENT -> write_settle(n, a); state[a] = SETTLED; check() }
    :: atomic { state[a] == SETTLED -> delivered[a] = true; state[a] = OVER; check() }
#endif
    :: atomic { state[a] == OVER -> break }
    od
}

init {
    byte n, a;
    atomic {
        for (a : 0 .. ALL - 1) {
            state[a] = IDLE;
            journal[a] = IDLE
        }
        for (n : 0 .. NODES - 1) {
            a_heard[n] = true
        }
        run Authority();
#if RESTORES > 0 || defined(BUG_EXPIRE)
        run Operator();
#endif
        for (n : 0 .. NODES - 1) {
            run Node(n);
            for (a : n * ATTEMPTS .. n * ATTEMPTS + ATTEMPTS - 1) {
                run Attempt(n, a)
            }
        }
        n = 0;
        a = 0
    }
}
