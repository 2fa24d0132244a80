/* SPDX-License-Identifier: Apache-2.0 */
/* What an authority's thread sees of leases: what is asked for, and what came of it. */
#include "store/budget_internal.h"

#include "base/memory.h"
#include "model/price.h"

#define IDLE_NS NS_PER_S
#define TELL_NS NS_PER_S
#define RECALLED_NS (2 * NS_PER_S)
#define REFUSED_NS (200 * NS_PER_MS)
#define EXHAUSTED_NS (200 * NS_PER_MS)
#define WISHED_NS (2 * NS_PER_S)
#define BACKOFF_NS (20 * NS_PER_MS)
#define BACKOFF_MAX_NS (200 * NS_PER_MS)
#define WANT_AGAIN_NS (100 * NS_PER_MS)
#define LOOKED_MAX 4096 /* in one collect, with the lock held */

bool budget_lease_enable(struct budget *budget, enum lease_authority authority,
                         const struct lease_options *options)
{
    budget_lock(budget);
    if (budget->leases == NULL) {
        budget->leases = memory_array(1, sizeof(*budget->leases));
    }
    if (budget->leases != NULL) {
        struct lease_office *office = &budget->leases->offices[authority];
        office->enabled = true;
        office->options = *options;
        office->mode = LEASE_GRANTS;
        office->nodes = 1;
        for (size_t i = 0; i < budget->bucket_count; i++) {
            for (struct budget_account *a = budget->buckets[i]; a != NULL; a = a->next) {
                if (a->enforced != NULL) {
                    leases_attach(budget, a);
                }
            }
        }
    }
    bool done = budget->leases != NULL;
    budget_unlock(budget);
    return done;
}

/* --- collect -----------------------------------------------------------------------------------
 */

static void measure(struct lease *lease, const struct instant *now)
{
    int64_t passed_ms = (now->monotonic_ns - lease->looked_ns) / NS_PER_MS;
    passed_ms = passed_ms < 50 ? 50 : passed_ms > 10000 ? 10000 : passed_ms;
    int64_t taken = lease->taken > INT64_MAX / 1000 ? INT64_MAX / 1000 : lease->taken;
    int64_t rate = taken * 1000 / passed_ms;
    lease->per_second = rate > lease->per_second / 2 ? rate : lease->per_second / 2;
    lease->taken = 0;
    lease->looked_ns = now->monotonic_ns;
}

static void forget_needs(struct lease *lease)
{
    lease->need_least = 0;
    lease->need_all = 0;
    lease->backoff_ns = 0;
    lease->retry_ns = 0;
}

static bool is_needed(const struct lease *lease, const struct instant *now)
{
    return lease->need_least > 0 && lease->need_until_ns > now->monotonic_ns;
}

/* What the lease keeps of what it has, and what it wants more. */
static void judge(struct lease *lease, int64_t room, bool closing, const struct instant *now,
                  struct lease_ask *ask)
{
    int64_t free = room - ask->held;
    bool recalled = lease->recalled_until_ns > now->monotonic_ns;
    bool idle = now->monotonic_ns - lease->taken_ns >= IDLE_NS;
    ask->room = room;
    if (lease->limit == LIMIT_NONE || closing) {
        ask->room = ask->held;
    } else if (is_needed(lease, now)) {
        if (recalled) {
            ask->room = ask->held;
            free = 0;
        }
        ask->need_least = lease->need_least - free;
        ask->need_all = lease->need_all - free;
        ask->want = lease->need_all > INT64_MAX / 4 ? lease->need_all : lease->need_all * 3;
        ask->want = lease->per_second > ask->want ? lease->per_second : ask->want;
    } else if (idle || recalled) {
        ask->room = ask->held;
    } else if (free < lease->per_second / 2) {
        ask->want = lease->per_second - free;
    }
}

static bool is_worth_telling(const struct lease *lease, const struct lease_ask *ask, int64_t room,
                             const struct instant *now)
{
    return lease->must_tell || ask->need_least > 0 || ask->want > 0 || ask->room < room ||
           (ask->spent != lease->told_spent && now->monotonic_ns - lease->told_ns >= TELL_NS);
}

static void fill_meter(const struct lease *lease, struct lease_meter *meter)
{
    const struct budget_account *account = lease->account;
    *meter = (struct lease_meter){.kind = account->kind,
                                  .what = lease->what,
                                  .scope = account->scope,
                                  .window_s = lease->window_s};
    slice_to_cstr(slice_from_cstr(account->model), meter->model, sizeof(meter->model));
}

static int64_t recent(struct lease *lease, const struct instant *now)
{
    struct enforced *enforced = lease->account->enforced;
    if (enforced == NULL) {
        return 0;
    }
    if (lease->what == LEASE_REQUESTS) {
        return window_sum(&enforced->requests, now->monotonic_ns);
    }
    if (lease->what == LEASE_TOKENS) {
        return window_sum(&enforced->tokens, now->monotonic_ns);
    }
    for (size_t i = 0; lease->what == LEASE_ROLLING && i < enforced->limits.cap_count; i++) {
        if (enforced->caps[i].lease == lease && enforced->caps[i].buckets != NULL) {
            return window_sum(&enforced->caps[i].window, now->monotonic_ns);
        }
    }
    return 0;
}

/* False: there is nothing to say of it now. What is given back is gone from here on. */
static bool make_ask(struct budget *budget, struct lease *lease, const struct instant *now,
                     struct lease_ask *ask)
{
    struct lease_office *office = &budget->leases->offices[lease_authority_of(lease->what)];
    *ask = (struct lease_ask){.lease = lease, .limit = lease->limit};
    ask->spent = lease_used(budget, lease, &ask->held);
    int64_t room = lease->granted - ask->spent;
    room = room < ask->held ? ask->held : room;
    measure(lease, now);
    if (is_needed(lease, now) && lease->need_least <= room - ask->held) {
        /* some fit: they take it now; who still needs more, or is still there, says so again */
        forget_needs(lease);
        office->moved = true;
    }
    judge(lease, room, office->closing, now, ask);
    if (!is_worth_telling(lease, ask, room, now)) {
        bool done = lease->granted <= ask->spent && ask->held == 0 &&
                    ask->spent == lease->told_spent && !is_needed(lease, now);
        lease_queue_add(budget->leases, lease, done ? LEASE_RESTS : LEASE_CALM, now);
        return false;
    }
    fill_meter(lease, &ask->meter);
    ask->epoch_s = lease->epoch_s;
    ask->generation = lease->generation;
    ask->recent = recent(lease, now);
    ask->ticket = ++budget->leases->tickets;
    lease->ticket = ask->ticket;
    lease->granted = ask->spent + ask->room;
    lease->must_tell = false;
    lease_queue_add(budget->leases, lease, LEASE_ASKED, now);
    lease->asked_ns = now->monotonic_ns;
    office->stats.asked++;
    return true;
}

static size_t collect_urgent(struct budget *budget, struct lease_office *office,
                             struct lease_ask *asks, size_t max, const struct instant *now)
{
    size_t made = 0;
    size_t left = office->urgent.count < LOOKED_MAX ? office->urgent.count : LOOKED_MAX;
    for (; left > 0 && made < max; left--) {
        struct lease *lease = office->urgent.first;
        if (lease->retry_ns > now->monotonic_ns && !lease->must_tell && is_needed(lease, now)) {
            lease_queue_add(budget->leases, lease, LEASE_URGENT, now);
        } else {
            made += make_ask(budget, lease, now, &asks[made]) ? 1 : 0;
        }
    }
    return made;
}

static void tell_moved(struct budget *budget, enum lease_authority authority)
{
    const struct lease_options *options = &budget->leases->offices[authority].options;
    if (options->moved != NULL) {
        options->moved(options->user);
    }
}

size_t budget_lease_collect(struct budget *budget, enum lease_authority authority,
                            struct lease_ask *asks, size_t max)
{
    struct instant now = budget_lock(budget);
    struct lease_office *office = &budget->leases->offices[authority];
    size_t made = collect_urgent(budget, office, asks, max, &now);
    for (size_t left = LOOKED_MAX; left > 0 && made < max; left--) {
        struct lease *lease = office->calm.first;
        if (lease == NULL || lease->due_ns > now.monotonic_ns) {
            break;
        }
        made += make_ask(budget, lease, &now, &asks[made]) ? 1 : 0;
    }
    bool moved = office->moved;
    office->moved = false;
    office->wanted = false; /* by this very thread */
    budget_unlock(budget);
    if (moved) {
        tell_moved(budget, authority);
    }
    return made;
}

int64_t budget_lease_due(struct budget *budget, enum lease_authority authority)
{
    struct instant now = budget_lock(budget);
    const struct lease_office *office = &budget->leases->offices[authority];
    int64_t due = office->calm.first == NULL ? INT64_MAX : office->calm.first->due_ns;
    size_t left = LOOKED_MAX;
    for (const struct lease *l = office->urgent.first; l != NULL && left > 0; l = l->next, left--) {
        bool waits = !l->must_tell && is_needed(l, &now) && l->retry_ns > now.monotonic_ns;
        int64_t then = waits ? l->retry_ns : now.monotonic_ns;
        due = then < due ? then : due;
    }
    budget_unlock(budget);
    return due;
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void asserted(struct lease_office *office, struct lease *lease)
{
    if (lease->asserting) {
        lease->asserting = false;
        office->asserts_left--;
    }
}

static void back_off(struct lease *lease, const struct instant *now)
{
    int64_t longer = lease->backoff_ns * 2;
    lease->backoff_ns = longer < BACKOFF_NS       ? BACKOFF_NS
                        : longer > BACKOFF_MAX_NS ? BACKOFF_MAX_NS
                                                  : longer;
    lease->retry_ns = now->monotonic_ns + lease->backoff_ns;
}

/* True: who waits should try again. */
static bool heed_needs(struct lease *lease, const struct lease_ask *ask,
                       const struct lease_answer *answer, const struct instant *now)
{
    int64_t got = answer->room - ask->room;
    if (ask->need_least == 0) {
        bool cut = ask->want > 0 && got < ask->want;
        lease->want_ns = cut ? now->monotonic_ns + WANT_AGAIN_NS : 0;
        lease->wished_ns = 0;
        return false;
    }
    if (got >= ask->need_least) {
        forget_needs(lease);
        lease->exhausted_until_ns = 0;
        lease->wished_ns = 0;
        return true;
    }
    bool again = lease->wished_ns != 0 && lease->asked_ns - lease->wished_ns < WISHED_NS;
    int64_t before_ns = again ? lease->wished_ns : lease->asked_ns;
    lease->wished_ns = lease->asked_ns;
    if (answer->exhausted) {
        forget_needs(lease);
        lease->exhausted_as_of_ns = before_ns;
        lease->exhausted_until_ns = now->monotonic_ns + EXHAUSTED_NS;
        lease->exhausted_lack = ask->need_least;
        return true;
    }
    back_off(lease, now);
    return false;
}

static bool apply_one(struct budget *budget, const struct lease_ask *ask,
                      const struct lease_answer *answer, const struct instant *now)
{
    struct lease *lease = ask->lease;
    int64_t held = 0;
    bool moved = false;
    if (lease->ticket != ask->ticket || lease->place != LEASE_ASKED) {
        return false;
    }
    (void)lease_used(budget, lease, &held);
    asserted(&budget->leases->offices[lease_authority_of(lease->what)], lease);
    if (lease->epoch_s != ask->epoch_s) {
        moved = true; /* what was asked for is over; who waits asks for the new epoch */
    } else if (answer->refused) {
        lease->retry_ns = now->monotonic_ns + REFUSED_NS;
    } else {
        lease->base = money_add(lease->base, answer->spent - ask->spent);
        lease->granted = money_add(answer->spent, answer->room);
        lease->elsewhere = answer->elsewhere;
        lease->elsewhere_spent = answer->elsewhere_spent;
        lease->told_spent = answer->spent;
        lease->told_ns = now->monotonic_ns;
        moved = heed_needs(lease, ask, answer, now);
    }
    bool again = lease->must_tell || is_needed(lease, now);
    lease_queue_add(budget->leases, lease, again ? LEASE_URGENT : LEASE_CALM, now);
    return moved;
}

void budget_lease_apply(struct budget *budget, const struct lease_ask *asks,
                        const struct lease_answer *answers, size_t count)
{
    bool moved = false;
    if (count == 0) {
        return;
    }
    struct instant now = budget_lock(budget);
    for (size_t i = 0; i < count; i++) {
        moved |= apply_one(budget, &asks[i], &answers[i], &now);
    }
    budget_unlock(budget);
    if (moved) {
        tell_moved(budget, lease_authority_of(asks[0].meter.what));
    }
}

void budget_lease_failed(struct budget *budget, const struct lease_ask *asks, size_t count)
{
    struct instant now = budget_lock(budget);
    for (size_t i = 0; i < count; i++) {
        struct lease *lease = asks[i].lease;
        if (lease->ticket == asks[i].ticket && lease->place == LEASE_ASKED) {
            lease->must_tell = true;
            lease_queue_add(budget->leases, lease, LEASE_URGENT, &now);
        }
    }
    budget_unlock(budget);
}

/* --- news from the authority -------------------------------------------------------------------
 */

static struct lease *lease_find(struct budget *budget, const struct lease_meter *meter)
{
    struct budget_account *account =
        budget_account_find(budget, meter->kind, meter->scope, slice_from_cstr(meter->model));
    struct lease *lease = account == NULL ? NULL : account->leases;
    while (lease != NULL && (lease->what != meter->what || lease->window_s != meter->window_s)) {
        lease = lease->of_account;
    }
    return lease;
}

static bool is_meter(const struct lease_meter *meter)
{
    return (unsigned)meter->kind < SCOPE_KINDS && (unsigned)meter->what < LEASE_WHATS &&
           meter->scope != 0;
}

void budget_lease_recall(struct budget *budget, const struct lease_meter *meter)
{
    if (!is_meter(meter)) {
        return;
    }
    struct instant now = budget_lock(budget);
    struct lease *lease = lease_find(budget, meter);
    if (lease == NULL) { /* whatever the authority has of this node, it is not used */
        struct budget_account *account =
            budget_account_at(budget, meter->kind, meter->scope, slice_from_cstr(meter->model));
        lease = account == NULL ? NULL : lease_at(budget, account, meter->what, meter->window_s);
    }
    if (lease != NULL) {
        lease->recalled_until_ns = now.monotonic_ns + RECALLED_NS;
        lease->must_tell = true;
        if (lease->place != LEASE_ASKED) {
            lease_queue_add(budget->leases, lease, LEASE_URGENT, &now);
        }
    }
    budget_unlock(budget);
}

static void retry(struct budget *budget, struct lease *lease, const struct instant *now)
{
    lease->retry_ns = 0;
    lease->backoff_ns = 0;
    lease->exhausted_until_ns = 0;
    if (lease->place != LEASE_ASKED && is_needed(lease, now)) {
        lease_queue_add(budget->leases, lease, LEASE_URGENT, now);
    }
}

/* Who needs something is in the urgent queue, or its answer is on the way. */
static void retry_all(struct lease_office *office)
{
    for (struct lease *lease = office->urgent.first; lease != NULL; lease = lease->next) {
        lease->retry_ns = 0;
        lease->backoff_ns = 0;
    }
    office->wanted = office->urgent.first != NULL;
}

void budget_lease_retry(struct budget *budget, enum lease_authority authority,
                        const struct lease_meter *meter)
{
    struct instant now = budget_lock(budget);
    if (meter == NULL) {
        retry_all(&budget->leases->offices[authority]);
    } else if (is_meter(meter)) {
        struct lease *lease = lease_find(budget, meter);
        if (lease != NULL) {
            retry(budget, lease, &now);
        }
    }
    budget_unlock(budget);
}

void lease_assert(struct budget *budget, struct lease *lease, const struct instant *now)
{
    struct lease_office *office = &budget->leases->offices[lease_authority_of(lease->what)];
    if (!lease->asserting) {
        lease->asserting = true;
        office->asserts_left++;
    }
    lease->must_tell = true;
    lease->ticket = 0; /* an answer under way may be of before */
    if (lease->place == LEASE_URGENT || is_needed(lease, now)) {
        lease_queue_add(budget->leases, lease, LEASE_URGENT, now);
    } else { /* there may be very many */
        lease_queue_put_first(budget->leases, lease, now);
    }
}

void budget_lease_assert(struct budget *budget, enum lease_authority authority)
{
    struct instant now = budget_lock(budget);
    for (struct lease *l = budget->leases->offices[authority].all; l != NULL; l = l->of_all) {
        int64_t held = 0;
        int64_t spent = lease_used(budget, l, &held);
        if (spent > 0 || held > 0 || l->granted > 0) {
            lease_assert(budget, l, &now);
        }
    }
    budget_unlock(budget);
}

bool budget_lease_asserted(struct budget *budget, enum lease_authority authority)
{
    budget_lock(budget);
    bool done = budget->leases->offices[authority].asserts_left == 0;
    budget_unlock(budget);
    return done;
}

void budget_lease_close(struct budget *budget, enum lease_authority authority)
{
    struct instant now = budget_lock(budget);
    struct lease_office *office = &budget->leases->offices[authority];
    office->closing = true;
    for (struct lease *l = office->all; l != NULL; l = l->of_all) {
        int64_t held = 0;
        int64_t spent = lease_used(budget, l, &held);
        if (l->granted > spent || spent != l->told_spent) {
            l->must_tell = true;
            lease_queue_add(budget->leases, l, l->place == LEASE_ASKED ? LEASE_ASKED : LEASE_URGENT,
                            &now);
        }
    }
    budget_unlock(budget);
}

void budget_lease_mode(struct budget *budget, enum lease_authority authority, enum lease_mode mode,
                       unsigned nodes)
{
    budget_lock(budget);
    struct lease_office *office = &budget->leases->offices[authority];
    nodes = nodes == 0 ? 1 : nodes;
    bool moved = office->mode != mode || office->nodes != nodes;
    office->mode = mode;
    office->nodes = nodes;
    budget_unlock(budget);
    if (moved) {
        tell_moved(budget, authority);
    }
}

/* --- questions ---------------------------------------------------------------------------------
 */

void budget_lease_stats(struct budget *budget, enum lease_authority authority,
                        struct lease_stats *ret_stats)
{
    budget_lock(budget);
    *ret_stats = (struct lease_stats){0};
    if (budget->leases != NULL) {
        *ret_stats = budget->leases->offices[authority].stats;
        struct lease *lease =
            authority == LEASE_CAPS ? budget->leases->offices[authority].all : NULL;
        for (; lease != NULL; lease = lease->of_all) {
            int64_t held = 0;
            int64_t room = lease->granted - lease_used(budget, lease, &held);
            ret_stats->room_nd = money_add(ret_stats->room_nd, room > 0 ? room : 0);
        }
    }
    budget_unlock(budget);
}

bool budget_lease_read(struct budget *budget, const struct lease_meter *meter,
                       struct lease_state *ret_state)
{
    budget_lock(budget);
    struct lease *lease = budget->leases == NULL ? NULL : lease_find(budget, meter);
    *ret_state = (struct lease_state){0};
    if (lease != NULL) {
        ret_state->spent = lease_used(budget, lease, &ret_state->held);
        ret_state->epoch_s = lease->epoch_s;
        ret_state->room = lease->granted - ret_state->spent;
    }
    budget_unlock(budget);
    return lease != NULL;
}
