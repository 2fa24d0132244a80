/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway_budget.h"

#include "base/log.h"
#include "base/memory.h"
#include "codec/json_write.h"
#include "gateway/alert_share.h"
#include "gateway/webhook.h"
#include "store/key_change.h"

#include <stdlib.h>
#include <time.h>

#define OVERRUNS_MAX 64

/* An overrun as it waits for the main thread. */
struct kept_overrun {
    struct overrun overrun; /* .target is not used */
    char target[64];
};

struct budget_news {
    pthread_mutex_t lock; /* guards the next two */
    struct kept_overrun overruns[OVERRUNS_MAX];
    size_t overrun_count;
    struct webhook *webhook;    /* the main thread's */
    struct alert_share *alerts; /* as well; NULL: no cluster */
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
    const struct scope_rule *rules = key_set_rules(gateway->keys, &count);
    return gateway->ledger == NULL ||
           budget_load(gateway->budget, gateway->ledger_path,
                       gateway_budget_generation(gateway->keys), rules, count, error);
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

void gateway_budget_overrun(struct gateway *gateway, const struct overrun *overrun)
{
    struct budget_news *news = gateway->news;
    if (overrun->blocks) {
        budget_block(gateway->budget, overrun->key_id, UINT64_MAX);
    }
    pthread_mutex_lock(&news->lock);
    if (news->overrun_count < OVERRUNS_MAX) {
        struct kept_overrun *kept = &news->overruns[news->overrun_count++];
        kept->overrun = *overrun;
        slice_to_cstr(overrun->target, kept->target, sizeof(kept->target));
    }
    pthread_mutex_unlock(&news->lock);
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

/* In the database, so that it stays blocked over a restart. The memory of it ends when the set of
 * keys that says so is in force: everything that enters with that set or a later one. */
static void block_key(struct gateway *gateway, const struct kept_overrun *kept)
{
    struct error error;
    struct key_actor actor = {
        .name = SLICE("sluice"),
        .source = SLICE("overrun"),
        .wall_ns = clock_wall(gateway->clock),
        .share = gateway->cluster.share,
    };
    if (!key_block(gateway->ledger_path, kept->overrun.key_id, &actor, &error)) {
        log_event(LOG_ERROR, "key_block_failed",
                  "%s; the key stays blocked until the next start only", error.text);
        return;
    }
    gateway_reload_keys(gateway);
    uint64_t generation = 0;
    struct key_set *keys = gateway_keys(gateway, &generation);
    budget_block(gateway->budget, kept->overrun.key_id, gateway_budget_generation(keys));
    key_set_unref(keys);
}

static void tell_overrun(struct gateway *gateway, const struct kept_overrun *kept)
{
    struct buf json = BUF_INIT(4096);
    write_overrun(gateway, kept, &json);
    log_event(LOG_ERROR, "overrun", "%.*s", SLICE_ARG(buf_slice(&json)));
    webhook_send(gateway->news->webhook, buf_slice(&json));
    buf_release(&json);
    if (kept->overrun.blocks && gateway->ledger_path[0] != '\0') {
        block_key(gateway, kept);
    }
}

static bool next_overrun(struct budget_news *news, struct kept_overrun *ret_kept)
{
    pthread_mutex_lock(&news->lock);
    bool any = news->overrun_count > 0;
    if (any) {
        *ret_kept = news->overruns[--news->overrun_count];
    }
    pthread_mutex_unlock(&news->lock);
    return any;
}

void gateway_budget_wake(struct gateway *gateway)
{
    struct budget_alert alert;
    struct kept_overrun kept;
    while (next_overrun(gateway->news, &kept)) {
        tell_overrun(gateway, &kept);
    }
    while (budget_next_alert(gateway->budget, &alert)) {
        tell_alert(gateway, &alert);
    }
}
