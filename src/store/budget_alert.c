/* SPDX-License-Identifier: Apache-2.0 */
/* What people must know of caps: a short queue that the main thread empties. */
#include "store/budget_internal.h"

#include "model/price.h"

static void tell(struct budget *budget, const struct budget_account *account, size_t cap,
                 const struct budget_alert *what, const struct instant *now)
{
    if (budget->alert_count == ALERTS_MAX) {
        budget->alerts_lost++;
        return;
    }
    size_t at = (budget->alert_first + budget->alert_count++) % ALERTS_MAX;
    struct budget_alert *alert = &budget->alerts[at];
    *alert = *what;
    alert->kind = account->kind;
    alert->scope = account->scope;
    alert->cap = account->enforced->limits.caps[cap];
    alert->held_nd = account->counters[CAP_TOTAL].held_nd;
    alert->wall_ns = now->wall_ns;
    enum cap_period period = alert->cap.period;
    alert->period_s =
        period == CAP_TOTAL || period == CAP_ROLLING ? 0 : budget->periods[period].start_s;
    slice_to_cstr(slice_from_cstr(account->model), alert->model, sizeof(alert->model));
    budget->wake_wanted = true;
}

/* What was told of an earlier period is forgotten. A rolling cap has none: it is told of again when
 * less than the lowest threshold was spent in between. */
static void begin_anew(const struct budget *budget, struct enforced *enforced, size_t cap,
                       unsigned percent)
{
    enum cap_period period = enforced->limits.caps[cap].period;
    uint32_t serial = period == CAP_ROLLING ? 1 : budget->periods[period].serial;
    bool again = period == CAP_ROLLING && percent < 50;
    if (enforced->caps[cap].serial != serial || again) {
        enforced->caps[cap].serial = serial;
        enforced->caps[cap].percent = 0;
        enforced->caps[cap].refused = false;
    }
}

static unsigned percent_of(int64_t spent_nd, int64_t amount_nd)
{
    static const unsigned thresholds[] = {100, 80, 50};
    for (size_t i = 0; i < ARRAY_LEN(thresholds); i++) {
        int64_t part = amount_nd / 100 * thresholds[i] + amount_nd % 100 * thresholds[i] / 100;
        if (spent_nd >= part) {
            return thresholds[i];
        }
    }
    return 0;
}

void budget_watch(struct budget *budget, struct budget_account *account, const struct instant *now,
                  bool quietly)
{
    struct enforced *enforced = account->enforced;
    for (size_t i = 0; i < enforced->limits.cap_count; i++) {
        int64_t spent_nd = 0;
        (void)account_used(budget, account, i, now, &spent_nd);
        spent_nd = money_add(spent_nd, lease_elsewhere_spent(enforced->caps[i].lease));
        unsigned percent = percent_of(spent_nd, enforced->limits.caps[i].amount_nd);
        begin_anew(budget, enforced, i, percent);
        if (percent <= enforced->caps[i].percent) {
            continue;
        }
        enforced->caps[i].percent = percent;
        if (!quietly) {
            const struct budget_alert what = {.percent = percent, .spent_nd = spent_nd};
            tell(budget, account, i, &what, now);
        }
    }
}

void budget_tell_refusal(struct budget *budget, struct budget_account *account, size_t cap,
                         const struct instant *now)
{
    struct enforced *enforced = account->enforced;
    int64_t spent_nd = 0;
    (void)account_used(budget, account, cap, now, &spent_nd);
    spent_nd = money_add(spent_nd, lease_elsewhere_spent(enforced->caps[cap].lease));
    unsigned percent = percent_of(spent_nd, enforced->limits.caps[cap].amount_nd);
    begin_anew(budget, enforced, cap, percent);
    if (!enforced->caps[cap].refused) {
        const struct budget_alert what = {
            .percent = percent, .refused = true, .spent_nd = spent_nd};
        enforced->caps[cap].refused = true;
        tell(budget, account, cap, &what, now);
    }
}

void budget_on_alert(struct budget *budget, void (*wake)(void *user), void *user)
{
    pthread_mutex_lock(&budget->lock);
    budget->wake = wake;
    budget->wake_user = user;
    pthread_mutex_unlock(&budget->lock);
}

bool budget_next_alert(struct budget *budget, struct budget_alert *ret_alert)
{
    pthread_mutex_lock(&budget->lock);
    bool any = budget->alert_count > 0;
    if (any) {
        *ret_alert = budget->alerts[budget->alert_first];
        budget->alert_first = (budget->alert_first + 1) % ALERTS_MAX;
        budget->alert_count--;
    }
    pthread_mutex_unlock(&budget->lock);
    return any;
}
