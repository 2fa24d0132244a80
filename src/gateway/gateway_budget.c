/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway_budget.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "codec/json_write.h"
#include "gateway/alert_share.h"
#include "gateway/webhook.h"
#include "store/key_change.h"
#include "store/ledger_overrun.h"

#include <stdlib.h>
#include <time.h>

#define UNTOLD_MAX 65536    /* overruns that wait to be told of; beyond it they are counted */
#define BLOCKS_AT_ONCE 64   /* keys */
#define BLOCK_AGAIN_MS 5000 /* where a key could not be blocked in the database */

/* An overrun as it waits for the main thread. */
struct kept_overrun {
    struct overrun overrun; /* .target is not used */
    char target[64];
};

/* Keys, each once. */
struct key_list {
    uint64_t *ids;
    size_t count;
    size_t cap;
};

struct budget_news {
    pthread_mutex_t lock; /* guards the next five */
    struct kept_overrun *overruns;
    size_t overrun_count;
    size_t overrun_cap;
    uint64_t overruns_lost;  /* so many are not in the list */
    struct key_list unkept;  /* to be blocked, and the journal does not say so */
    uv_timer_t again;        /* the main thread's, as the rest */
    struct webhook *webhook;
    struct alert_share *alerts; /* NULL: no cluster */
};

/* --- the start --- */

static void on_alert(void *user)
{
    struct gateway *gateway = user;
    uv_async_send(&gateway->wake);
}

/* The C library reckons with the process's zone. No thread of ours reads the environment. */
void gateway_budget_zone(const struct snapshot *snapshot)
{
    char name[64];
    slice_to_cstr(snapshot->caps.time_zone.len > 0 ? snapshot->caps.time_zone : SLICE("UTC"), name,
                  sizeof(name));
    setenv("TZ", name, 1);
    tzset();
}

/* What a former process did not come to: its key stays out from the first call on, and the main
 * thread tells of it and writes it down. */
static bool recall_overrun(void *user, const struct ledger_overrun *kept)
{
    struct gateway *gateway = user;
    const struct overrun overrun = {.call = kept->call,
                                    .key_id = kept->key_id,
                                    .target = kept->target,
                                    .held_nd = kept->held_nd,
                                    .cost_nd = kept->cost_nd,
                                    .blocks = true};
    gateway_budget_overrun(gateway, &overrun);
    gateway_budget_overruns_wait(gateway);
    return true;
}

bool gateway_budget_open(struct gateway *gateway, struct error *error)
{
    size_t count = 0;
    gateway->budget = budget_new(gateway->clock);
    gateway->news = memory_array(1, sizeof(*gateway->news));
    if (gateway->budget == NULL || gateway->news == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    pthread_mutex_init(&gateway->news->lock, NULL);
    gateway->news->webhook = webhook_new(&gateway->loop, error);
    if (gateway->news->webhook == NULL) {
        return false;
    }
    if (gateway->cluster.member != NULL) {
        gateway->news->alerts =
            alert_share_new(gateway->cluster.member, &gateway->loop, gateway->news->webhook, error);
        if (gateway->news->alerts == NULL) {
            return false;
        }
    }
    webhook_watch(gateway->news->webhook, gateway->options.snapshot);
    budget_on_alert(gateway->budget, on_alert, gateway);
    uv_timer_init(&gateway->loop.uv, &gateway->news->again);
    gateway->news->again.data = gateway;
    const struct scope_rule *rules = key_set_rules(gateway->keys, &count);
    return gateway->ledger == NULL ||
           (budget_load(gateway->budget, gateway->ledger_path,
                        gateway_budget_generation(gateway->keys), rules, count, error) &&
            ledger_overruns_read(gateway->ledger_path, recall_overrun, gateway, error));
}

#define FLUSH_MS 5000

static bool flush_ledger(void *user)
{
    struct gateway *gateway = user;
    return ledger_flush(gateway->ledger, FLUSH_MS);
}

void gateway_budget_introduce(struct gateway *gateway, const struct key_set *keys)
{
    size_t count = 0;
    const struct scope_rule *rules = key_set_rules(keys, &count);
    if (gateway->ledger != NULL &&
        !budget_renew(gateway->budget, gateway->ledger_path, gateway_budget_generation(keys), rules,
                      count, flush_ledger, gateway)) {
        log_event(LOG_ERROR, "budget_memory",
                  "a rolling cap that is new has nothing of what was spent before: out of memory");
    }
    bool done = gateway->cluster.leases != NULL;
    for (size_t i = 0; i < count && done; i++) { /* without memory: with the next call */
        done = budget_introduce(gateway->budget, gateway_budget_generation(keys), &rules[i]);
    }
}

void gateway_budget_watch(struct gateway *gateway, const struct snapshot *snapshot)
{
    if (gateway->news != NULL) {
        webhook_watch(gateway->news->webhook, snapshot);
    }
}

void gateway_budget_stop(struct gateway *gateway)
{
    uv_close((uv_handle_t *)&gateway->news->again, NULL);
    alert_share_close(gateway->news->alerts);
    webhook_close(gateway->news->webhook);
}

void gateway_budget_leave(struct gateway *gateway)
{
    alert_share_free(gateway->news->alerts);
    gateway->news->alerts = NULL;
}

void gateway_budget_close(struct gateway *gateway)
{
    budget_free(gateway->budget);
    if (gateway->news != NULL) {
        webhook_free(gateway->news->webhook);
        memory_free(gateway->news->overruns);
        memory_free(gateway->news->unkept.ids);
        pthread_mutex_destroy(&gateway->news->lock);
        memory_free(gateway->news);
    }
}

/* --- alerts --- */

static const char *period_name(enum cap_period period)
{
    static const char *const names[CAP_PERIODS] = {
        [CAP_TOTAL] = "total", [CAP_DAY] = "day",         [CAP_WEEK] = "week",
        [CAP_MONTH] = "month", [CAP_ROLLING] = "rolling",
    };
    return names[period];
}

/* A copy: the published keys may be replaced at any moment. */
static struct slice scope_name(struct gateway *gateway, enum scope_kind kind, uint64_t id,
                               char name[SCOPE_NAME_SIZE])
{
    uint64_t generation = 0;
    struct key_set *keys = gateway_keys(gateway, &generation);
    const struct key *key = kind == SCOPE_KEY ? key_set_by_id(keys, id) : NULL;
    const struct scope *scope = kind == SCOPE_KEY ? NULL : key_set_scope(keys, kind, id);
    const char *found = key != NULL ? key->name : scope != NULL ? scope->name : "";
    slice_to_cstr(slice_from_cstr(found), name, SCOPE_NAME_SIZE);
    key_set_unref(keys);
    return slice_from_cstr(name);
}

static void member_usd(struct json_writer *w, struct slice name, int64_t nd)
{
    json_member_scaled(w, name, nd, 9);
}

static void write_alert(struct gateway *gateway, const struct budget_alert *alert, struct buf *out)
{
    char time[CLOCK_TEXT_SIZE];
    char name[SCOPE_NAME_SIZE];
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("event"), SLICE("cap"));
    json_member_string(&w, SLICE("at"), slice_from_cstr(clock_format(alert->wall_ns, time)));
    json_member_string(&w, SLICE("scope"), slice_from_cstr(scope_kind_name(alert->kind)));
    json_member_string(&w, SLICE("name"), scope_name(gateway, alert->kind, alert->scope, name));
    if (alert->model[0] != '\0') {
        json_member_string(&w, SLICE("model"), slice_from_cstr(alert->model));
    }
    json_member_string(&w, SLICE("per"), slice_from_cstr(period_name(alert->cap.period)));
    if (alert->cap.period == CAP_ROLLING) {
        json_member_int(&w, SLICE("window_s"), alert->cap.window_s);
    }
    json_member_bool(&w, SLICE("soft"), alert->cap.soft);
    json_member_int(&w, SLICE("percent"), alert->percent);
    json_member_bool(&w, SLICE("refused"), alert->refused);
    member_usd(&w, SLICE("cap_usd"), alert->cap.amount_nd);
    member_usd(&w, SLICE("spent_usd"), alert->spent_nd);
    member_usd(&w, SLICE("held_usd"), alert->held_nd);
    json_end_object(&w);
}

static void tell_alert(struct gateway *gateway, const struct budget_alert *alert)
{
    struct buf json = BUF_INIT(4096);
    write_alert(gateway, alert, &json);
    if (!json.failed) {
        log_event(alert->percent >= 100 || alert->refused ? LOG_WARN : LOG_INFO, "cap_alert",
                  "%.*s", SLICE_ARG(buf_slice(&json)));
        if (gateway->news->alerts != NULL) {
            alert_share_send(gateway->news->alerts, alert, buf_slice(&json));
        } else {
            webhook_send(gateway->news->webhook, buf_slice(&json));
        }
    }
    buf_release(&json);
}

/* --- overruns --- */

/* Under the lock. NULL: too many wait, or no memory. */
static struct kept_overrun *overrun_add(struct budget_news *news)
{
    if (news->overrun_count == news->overrun_cap) {
        size_t cap = news->overrun_cap == 0 ? 16 : news->overrun_cap * 2;
        struct kept_overrun *items =
            cap > UNTOLD_MAX ? NULL : memory_resize(news->overruns, cap * sizeof(items[0]));
        if (items == NULL) {
            return NULL;
        }
        news->overruns = items;
        news->overrun_cap = cap;
    }
    return &news->overruns[news->overrun_count++];
}

void gateway_budget_overrun(struct gateway *gateway, const struct overrun *overrun)
{
    struct budget_news *news = gateway->news;
    if (overrun->blocks) {
        budget_block(gateway->budget, overrun->key_id, UINT64_MAX);
    }
    pthread_mutex_lock(&news->lock);
    struct kept_overrun *kept = overrun_add(news);
    if (kept != NULL) {
        kept->overrun = *overrun;
        slice_to_cstr(overrun->target, kept->target, sizeof(kept->target));
    } else {
        news->overruns_lost++;
    }
    pthread_mutex_unlock(&news->lock);
    uv_async_send(&gateway->wake);
}

static bool list_add(struct key_list *list, uint64_t id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->ids[i] == id) {
            return true;
        }
    }
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 16 : list->cap * 2;
        uint64_t *ids = memory_resize(list->ids, cap * sizeof(ids[0]));
        if (ids == NULL) {
            return false;
        }
        list->ids = ids;
        list->cap = cap;
    }
    list->ids[list->count++] = id;
    return true;
}

static void keep_unkept(struct gateway *gateway, uint64_t key_id)
{
    pthread_mutex_lock(&gateway->news->lock);
    bool kept = list_add(&gateway->news->unkept, key_id);
    pthread_mutex_unlock(&gateway->news->lock);
    if (!kept) {
        log_event(LOG_ERROR, "key_block_failed",
                  "out of memory: key %llu stays blocked until the next start only",
                  (unsigned long long)key_id);
    }
}

void gateway_budget_unkept(struct gateway *gateway, uint64_t key_id)
{
    keep_unkept(gateway, key_id);
    gateway_budget_overruns_wait(gateway);
}

void gateway_budget_overruns_wait(void *user)
{
    struct gateway *gateway = user;
    atomic_store(&gateway->overruns_wait, true);
    uv_async_send(&gateway->wake);
}

static void write_overrun(struct gateway *gateway, const struct kept_overrun *kept, struct buf *out)
{
    char id[ID_TEXT_LEN + 1];
    char time[CLOCK_TEXT_SIZE];
    char name[SCOPE_NAME_SIZE];
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("event"), SLICE("overrun"));
    json_member_string(&w, SLICE("at"),
                       slice_from_cstr(clock_format(clock_wall(gateway->clock), time)));
    json_member_string(&w, SLICE("key"),
                       scope_name(gateway, SCOPE_KEY, kept->overrun.key_id, name));
    json_member_string(&w, SLICE("call"), slice_from_cstr(id_format(kept->overrun.call, id)));
    json_member_string(&w, SLICE("target"), slice_from_cstr(kept->target));
    member_usd(&w, SLICE("held_usd"), kept->overrun.held_nd);
    member_usd(&w, SLICE("cost_usd"), kept->overrun.cost_nd);
    json_member_bool(&w, SLICE("blocked"), kept->overrun.blocks);
    json_end_object(&w);
}

static void tell_overrun(struct gateway *gateway, const struct kept_overrun *kept)
{
    struct buf json = BUF_INIT(4096);
    write_overrun(gateway, kept, &json);
    log_event(LOG_ERROR, "overrun", "%.*s", SLICE_ARG(buf_slice(&json)));
    webhook_send(gateway->news->webhook, buf_slice(&json));
    buf_release(&json);
}

static void tell_overruns(struct gateway *gateway)
{
    struct budget_news *news = gateway->news;
    pthread_mutex_lock(&news->lock);
    struct kept_overrun *kept = news->overruns;
    size_t count = news->overrun_count;
    uint64_t lost = news->overruns_lost;
    news->overruns = NULL;
    news->overrun_count = 0;
    news->overrun_cap = 0;
    news->overruns_lost = 0;
    pthread_mutex_unlock(&news->lock);
    for (size_t i = 0; i < count; i++) {
        tell_overrun(gateway, &kept[i]);
    }
    memory_free(kept);
    if (lost > 0) {
        log_event(LOG_ERROR, "overruns_untold",
                  "%llu more overruns came than could be told of one by one; the ledger has them, "
                  "and their keys are blocked",
                  (unsigned long long)lost);
    }
}

/* --- blocked keys ------------------------------------------------------------------------------
 */

/* In the database, so that it stays blocked over a restart. The memory of it ends when the set of
 * keys that says so is in force: everything that enters with that set or a later one. */
static bool block_key(struct gateway *gateway, uint64_t key_id)
{
    struct error error;
    struct key_actor actor = {
        .name = SLICE("sluice"),
        .source = SLICE("overrun"),
        .wall_ns = clock_wall(gateway->clock),
        .share = gateway->cluster.share,
    };
    FAULT_POINT("overrun.before_block");
    if (!key_block(gateway->ledger_path, key_id, &actor, &error)) {
        if (strcmp(error.code, "key_not_found") == 0) {
            return ledger_overruns_forget(gateway->ledger_path, key_id, &error);
        }
        log_event(LOG_ERROR, "key_block_failed",
                  "%s; this node keeps key %llu out, and tries again to write it down", error.text,
                  (unsigned long long)key_id);
        return false;
    }
    FAULT_POINT("overrun.after_block");
    gateway_reload_keys(gateway);
    uint64_t generation = 0;
    struct key_set *keys = gateway_keys(gateway, &generation);
    budget_block(gateway->budget, key_id, gateway_budget_generation(keys));
    key_set_unref(keys);
    return true;
}

static bool collect_key(void *user, const struct ledger_overrun *overrun)
{
    struct key_list *list = user;
    return list_add(list, overrun->key_id) && list->count < BLOCKS_AT_ONCE;
}

/* *ret_any: there were some. False: not all of them are blocked. */
static bool block_some(struct gateway *gateway, bool *ret_any)
{
    struct key_list list = {.count = 0};
    struct error error;
    bool done = ledger_overruns_read(gateway->ledger_path, collect_key, &list, &error);
    if (!done) {
        log_event(LOG_ERROR, "key_block_failed", "%s; it is tried again", error.text);
    }
    *ret_any = list.count > 0;
    for (size_t i = 0; done && i < list.count; i++) {
        done = block_key(gateway, list.ids[i]);
    }
    memory_free(list.ids);
    return done;
}

static bool block_unkept(struct gateway *gateway)
{
    struct budget_news *news = gateway->news;
    pthread_mutex_lock(&news->lock);
    struct key_list list = news->unkept;
    news->unkept = (struct key_list){.count = 0};
    pthread_mutex_unlock(&news->lock);
    bool done = true;
    for (size_t i = 0; i < list.count; i++) {
        if (!done || !block_key(gateway, list.ids[i])) {
            done = false;
            keep_unkept(gateway, list.ids[i]);
        }
    }
    memory_free(list.ids);
    return done;
}

static void block_again(uv_timer_t *timer)
{
    gateway_budget_overruns_wait(timer->data);
}

/* One that fails is tried again after a while, with all that came since. */
static void block_keys(struct gateway *gateway)
{
    bool any = true;
    bool done = true;
    while (any && done) {
        done = block_some(gateway, &any);
    }
    uv_timer_t *again = &gateway->news->again;
    if ((!done || !block_unkept(gateway)) && !uv_is_closing((uv_handle_t *)again)) {
        uv_timer_start(again, block_again, BLOCK_AGAIN_MS, 0);
    }
}

void gateway_budget_wake(struct gateway *gateway)
{
    struct budget_alert alert;
    tell_overruns(gateway);
    if (atomic_exchange(&gateway->overruns_wait, false)) {
        block_keys(gateway);
    }
    while (budget_next_alert(gateway->budget, &alert)) {
        tell_alert(gateway, &alert);
    }
}
