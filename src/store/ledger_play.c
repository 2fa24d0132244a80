/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_play.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdio.h>

#define PERIOD_DAYS_MAX 33 /* with the hours by which zones differ */
#define SPENT_STEP_NS (60 * NS_PER_S)
#define WINDOW_STEPS 65536

/* What changes at a time that is yet to come. */
struct change {
    int64_t at_ns;
    int64_t used_nd;  /* added */
    int64_t slack_nd; /* added */
};

/* What attempts of one minute cost, for periods that begin behind it. */
struct spent {
    int64_t at_ns;   /* the last of them */
    int64_t wall_ns; /* when the first was held, by the wall clock */
    int64_t run;
    int64_t cost_nd;
    int64_t slack_nd;
};

/* Items of one size, in order. */
struct queue {
    char *items;
    size_t first;
    size_t end;
    size_t room;
};

/* One cap. */
struct account {
    const struct cap *cap;
    struct change *changes; /* a heap, the next one first */
    size_t count;
    size_t room;
    struct queue leaving; /* struct change, of rolling caps */
    struct queue spent;   /* struct spent, of calendar caps */
    bool joins;           /* the last one of `spent` takes what else was in its minute */
    int64_t used_nd;
    int64_t slack_nd;
    bool begun;
    int64_t start_s; /* of the calendar period under way, and of which process it is */
    int64_t run;
    int64_t over_nd;    /* the most that overruns went beyond the cap ... */
    int64_t over_at_ns; /* ... and when, in the ledger's time */
};

struct play {
    size_t count;
    struct account accounts[];
};

/* --- queues and heaps --------------------------------------------------------------------------
 */

/* The place of a new last one. NULL: out of memory. */
static void *queue_add(struct queue *queue, size_t size)
{
    if (queue->end == queue->room && queue->first > queue->room / 2) {
        queue->end -= queue->first;
        memmove(queue->items, queue->items + queue->first * size, queue->end * size);
        queue->first = 0;
    }
    if (queue->end == queue->room) {
        size_t room = queue->room == 0 ? 64 : queue->room * 2;
        char *bigger = memory_resize(queue->items, room * size);
        if (bigger == NULL) {
            return NULL;
        }
        queue->items = bigger;
        queue->room = room;
    }
    return queue->items + queue->end++ * size;
}

static void *queue_at(const struct queue *queue, size_t at, size_t size)
{
    return queue->items + at * size;
}

static void *queue_last(const struct queue *queue, size_t size)
{
    return queue->first == queue->end ? NULL : queue_at(queue, queue->end - 1, size);
}

static bool push(struct account *account, struct change change)
{
    if (account->count == account->room) {
        size_t room = account->room == 0 ? 64 : account->room * 2;
        struct change *bigger = memory_resize(account->changes, room * sizeof(*bigger));
        if (bigger == NULL) {
            return false;
        }
        account->changes = bigger;
        account->room = room;
    }
    size_t at = account->count++;
    for (; at > 0 && account->changes[(at - 1) / 2].at_ns > change.at_ns; at = (at - 1) / 2) {
        account->changes[at] = account->changes[(at - 1) / 2];
    }
    account->changes[at] = change;
    return true;
}

static struct change pop(struct account *account)
{
    struct change first = account->changes[0];
    struct change last = account->changes[--account->count];
    size_t at = 0;
    for (size_t child = 1; child < account->count; child = 2 * at + 1) {
        child += child + 1 < account->count &&
                 account->changes[child + 1].at_ns < account->changes[child].at_ns;
        if (account->changes[child].at_ns >= last.at_ns) {
            break;
        }
        account->changes[at] = account->changes[child];
        at = child;
    }
    account->changes[at] = last;
    return first;
}

/* --- time --------------------------------------------------------------------------------------
 */

static bool is_calendar(const struct cap *cap)
{
    return cap->period != CAP_TOTAL && cap->period != CAP_ROLLING;
}

/* More was used than the cap allows, and not because the cap was lowered. */
static void note_excess(struct account *account, int64_t now_ns)
{
    int64_t amount_nd = cap_amount_at(account->cap, now_ns);
    if (now_ns < account->cap->since_ns || account->used_nd <= amount_nd) {
        return;
    }
    int64_t over_nd = account->used_nd - amount_nd;
    over_nd = over_nd < account->slack_nd ? over_nd : account->slack_nd;
    if (over_nd > account->over_nd) {
        account->over_nd = over_nd;
        account->over_at_ns = now_ns;
    }
}

/* The next change up to this time, if there is one. */
static bool next_change(struct account *account, int64_t now_ns, struct change *ret_change)
{
    struct queue *leaving = &account->leaving;
    const struct change *leave = leaving->first == leaving->end
                                     ? NULL
                                     : queue_at(leaving, leaving->first, sizeof(*leave));
    bool settles = account->count > 0 && account->changes[0].at_ns <= now_ns;
    bool leaves = leave != NULL && leave->at_ns <= now_ns;
    if (leaves && (!settles || leave->at_ns < account->changes[0].at_ns)) {
        *ret_change = *leave;
        leaving->first++;
        return true;
    }
    if (settles) {
        *ret_change = pop(account);
    }
    return settles;
}

/* What happened up to this time. */
static void advance(struct account *account, int64_t now_ns)
{
    struct change change;
    while (next_change(account, now_ns, &change)) {
        account->used_nd += change.used_nd;
        account->slack_nd += change.slack_nd;
        note_excess(account, change.at_ns);
    }
}

/* Where this process began, by the wall clock. */
static int64_t run_begin(const struct cap *cap, const struct clock_span *span)
{
    while (span != NULL && span > cap->times->spans && span[-1].run == span->run) {
        span--;
    }
    return span == NULL ? INT64_MAX : span->begin_ns;
}

static int64_t run_of(const struct played *attempt)
{
    return attempt->span == NULL ? 0 : attempt->span->run;
}

/* Another period begins, or another process. That one begins with what the ledger says was spent
 * in the period before it, and a later period with what was spent there before this process: its
 * clock had been there. */
static void enter(struct account *account, const struct played *attempt, int64_t start_s)
{
    int64_t run = run_of(attempt);
    bool restarted = run != account->run;
    if (account->begun && start_s == account->start_s && !restarted) {
        return;
    }
    int64_t from_ns = start_s * NS_PER_S;
    int64_t begin_ns = restarted ? from_ns : run_begin(account->cap, attempt->span);
    int64_t oldest_ns = attempt->held_ns - PERIOD_DAYS_MAX * 86400 * NS_PER_S;
    account->begun = true;
    account->start_s = start_s;
    account->run = run;
    account->count = 0;
    account->used_nd = 0;
    account->slack_nd = 0;
    for (size_t i = account->spent.end; i > account->spent.first; i--) {
        const struct spent *spent = queue_at(&account->spent, i - 1, sizeof(*spent));
        if (spent->at_ns <= oldest_ns) {
            break;
        }
        if (spent->run != run && spent->wall_ns >= from_ns && spent->wall_ns >= begin_ns) {
            account->used_nd += spent->cost_nd;
            account->slack_nd += spent->slack_nd;
        }
    }
}

/* Minutes in which nothing begins can be told apart as a whole only. */
static bool remember(struct account *account, const struct played *attempt)
{
    int64_t oldest_ns = attempt->held_ns - PERIOD_DAYS_MAX * 86400 * NS_PER_S;
    int64_t minute = attempt->wall_ns / SPENT_STEP_NS;
    int64_t more_nd = attempt->cost_nd > attempt->held_nd ? attempt->cost_nd - attempt->held_nd : 0;
    struct queue *queue = &account->spent;
    struct spent *spent = queue_last(queue, sizeof(*spent));
    if (spent == NULL || !account->joins || spent->run != run_of(attempt) ||
        spent->wall_ns / SPENT_STEP_NS != minute) {
        spent = queue_add(queue, sizeof(*spent));
        if (spent == NULL) {
            return false;
        }
        *spent = (struct spent){.wall_ns = attempt->wall_ns, .run = run_of(attempt)};
        account->joins = clock_times_even(account->cap->times, minute * SPENT_STEP_NS,
                                          (minute + 1) * SPENT_STEP_NS);
    }
    spent->at_ns = attempt->held_ns;
    spent->cost_nd += attempt->cost_nd;
    spent->slack_nd += more_nd;
    while (((struct spent *)queue_at(queue, queue->first, sizeof(*spent)))->at_ns <= oldest_ns) {
        queue->first++;
    }
    return true;
}

/* --- attempts ----------------------------------------------------------------------------------
 */

/* What leaves a rolling cap at nearly the same time leaves it together. */
static bool leave(struct account *account, struct change change)
{
    struct change *last = queue_last(&account->leaving, sizeof(*last));
    if (last != NULL && change.at_ns < last->at_ns + account->cap->window_ns / WINDOW_STEPS) {
        last->used_nd += change.used_nd;
        last->slack_nd += change.slack_nd;
        return true;
    }
    last = queue_add(&account->leaving, sizeof(*last));
    if (last != NULL) {
        *last = change;
    }
    return last != NULL;
}

static bool hold(struct account *account, const struct played *attempt)
{
    const struct cap *cap = account->cap;
    int64_t more_nd = attempt->cost_nd > attempt->held_nd ? attempt->cost_nd - attempt->held_nd : 0;
    account->used_nd += attempt->held_nd;
    struct change settle = {.at_ns = attempt->settled_ns,
                            .used_nd = attempt->cost_nd - attempt->held_nd,
                            .slack_nd = more_nd};
    if (!push(account, settle)) {
        return false;
    }
    if (cap->period != CAP_ROLLING) {
        return true;
    }
    struct change out = {.at_ns = attempt->held_ns + cap->window_ns,
                         .used_nd = -attempt->cost_nd,
                         .slack_nd = -more_nd};
    if (out.at_ns > attempt->settled_ns) {
        return leave(account, out);
    }
    out.at_ns = attempt->settled_ns;
    return push(account, out);
}

/* It was at one of several times, nobody knows which: all that is known is what it cost. */
static void count_unsure(struct account *account, const struct played *attempt)
{
    int64_t more_nd = attempt->cost_nd - attempt->held_nd;
    if (account->cap->period == CAP_TOTAL) {
        account->used_nd += attempt->cost_nd;
        account->slack_nd += more_nd > 0 ? more_nd : 0;
    }
}

static bool violation(const struct account *account, const struct played *attempt,
                      struct error *error)
{
    static const char *const kinds[SCOPE_KINDS] = {"key", "user", "team", "organisation"};
    const struct cap *cap = account->cap;
    char id[ID_TEXT_LEN + 1];
    char time[CLOCK_TEXT_SIZE];
    return error_set(error, ERROR_INVALID, "ledger_violation",
                     "a cap was exceeded: %s %lld, per %s, had %lld nano-dollars spent and held"
                     " of %lld at %s (call %s)",
                     kinds[cap->kind], (long long)cap->scope, played_cap_words[cap->period],
                     (long long)account->used_nd,
                     (long long)(cap_amount_at(cap, attempt->held_ns) + account->slack_nd),
                     clock_format(attempt->wall_ns, time), id_format(attempt->call, id));
}

/* Of what the clock was watched for, as the spans say; else that of the process's zone. */
static int64_t period_start(const struct cap *cap, const struct clock_span *span, int64_t wall_ns)
{
    int64_t start_s;
    int64_t end_s;
    if (!is_calendar(cap)) {
        return 0;
    }
    if (span != NULL) {
        return span->starts_s[cap->period];
    }
    if (cap->times->count > 0 && wall_ns >= cap->times->spans[0].begin_ns) {
        return CLOCK_START_UNKNOWN;
    }
    budget_period(cap->period, wall_ns / NS_PER_S, &start_s, &end_s);
    return start_s;
}

/* When an attempt was interrupted that was written before version 16, nobody knows when it was
 * held, only that it counts from then on: it is played when it was found, and only where that is in
 * the period in which its call began. What was put together, as when calls were removed, is played
 * where all of it is in one period. */
static bool counts(const struct cap *cap, const struct played *attempt)
{
    bool named = cap->model[0] != '\0';
    if (named ? !cap_has_word(cap, attempt->counted)
              : attempt->kind == PLAYED_OPENING && attempt->counted != 0) {
        return false;
    }
    if (attempt->kind == PLAYED_ATTEMPT || cap->period == CAP_TOTAL) {
        return true;
    }
    if (cap->period == CAP_ROLLING) {
        return attempt->kind == PLAYED_OPENING;
    }
    struct clock_moment until = clock_times_at(cap->times, attempt->until_ns);
    int64_t start_s = period_start(cap, until.span, attempt->until_ns);
    return start_s != CLOCK_START_UNKNOWN && attempt->from_ns / NS_PER_S >= start_s;
}

/* False: out of memory, or it did not fit. */
static bool play_one(struct account *account, const struct played *attempt,
                     struct ledger_books *books, struct error *error)
{
    const struct cap *cap = account->cap;
    int64_t start_s = period_start(cap, attempt->span, attempt->wall_ns);
    bool sure = attempt->sure && start_s != CLOCK_START_UNKNOWN;
    advance(account, attempt->held_ns);
    if (is_calendar(cap) && sure) {
        enter(account, attempt, start_s);
    }
    if ((is_calendar(cap) && !remember(account, attempt)) || (sure && !hold(account, attempt))) {
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    books->holds += attempt->kind != PLAYED_OPENING;
    books->overruns += attempt->cost_nd > attempt->held_nd;
    if (!sure) {
        count_unsure(account, attempt);
        return true;
    }
    int64_t amount_nd = cap_amount_at(cap, attempt->held_ns);
    return attempt->held_ns < cap->since_ns || !attempt->checked || amount_nd == INT64_MAX ||
           account->used_nd <= amount_nd + account->slack_nd || violation(account, attempt, error);
}

bool play_attempt(struct play *play, const struct played *attempt, struct ledger_books *books,
                  struct error *error)
{
    for (size_t i = 0; i < play->count; i++) {
        struct account *account = &play->accounts[i];
        if (counts(account->cap, attempt) && !play_one(account, attempt, books, error)) {
            return false;
        }
    }
    return true;
}

/* --- beginning and end -------------------------------------------------------------------------
 */

static void add_excess(const struct account *account, struct ledger_books *books)
{
    const struct cap *cap = account->cap;
    if (account->over_nd <= 0) {
        return;
    }
    if (books->exceeded < BOOKS_EXCESSES_MAX) {
        struct ledger_excess *excess = &books->excesses[books->exceeded];
        *excess = (struct ledger_excess){.kind = cap->kind,
                                         .scope = cap->scope,
                                         .per = played_cap_words[cap->period],
                                         .amount_nd = cap_amount_at(cap, account->over_at_ns),
                                         .over_nd = account->over_nd,
                                         .at_ns = account->over_at_ns};
        snprintf(excess->model, sizeof(excess->model), "%s", cap->model);
    }
    books->exceeded++;
}

struct play *play_new(const struct cap *caps, size_t count)
{
    struct play *play = memory_array(1, sizeof(*play) + count * sizeof(play->accounts[0]));
    if (play == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        play->accounts[i].cap = &caps[i];
    }
    play->count = count;
    return play;
}

void play_free(struct play *play)
{
    for (size_t i = 0; play != NULL && i < play->count; i++) {
        memory_free(play->accounts[i].changes);
        memory_free(play->accounts[i].leaving.items);
        memory_free(play->accounts[i].spent.items);
    }
    memory_free(play);
}

void play_end(struct play *play, struct ledger_books *books)
{
    for (size_t i = 0; i < play->count; i++) {
        advance(&play->accounts[i], INT64_MAX); /* what happened after the last hold */
        add_excess(&play->accounts[i], books);
    }
}
