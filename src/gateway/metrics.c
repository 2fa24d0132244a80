/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/metrics.h"

#include "base/log.h"
#include "gateway/cluster_redis.h"
#include "gateway/endpoint.h"
#include "gateway/evidence_keep.h"
#include "gateway/worker.h"

#include <stdio.h>
#include <unistd.h>

/* Status codes that get a series of their own; the last one stands for all others. */
static const int codes[METRICS_CODES] = {200, 400, 401, 402, 403, 404, 405, 408, 409, 413, 414, 417,
                                         422, 429, 431, 499, 500, 501, 502, 503, 504, 529, 0};

void metrics_request(struct metrics *metrics, size_t endpoint, int status)
{
    size_t i = 0;
    while (codes[i] != 0 && codes[i] != status) {
        i++;
    }
    metric_add(
        &metrics->requests[endpoint < METRICS_ENDPOINTS ? endpoint : METRICS_ENDPOINTS - 1][i], 1);
}

void histogram_add(struct histogram *histogram, int64_t first_bound_ns, int64_t ns)
{
    size_t i = 0;
    int64_t bound = first_bound_ns;
    while (i < METRICS_BUCKETS - 1 && ns > bound) {
        bound *= 2;
        i++;
    }
    metric_add(&histogram->buckets[i], 1);
    metric_add(&histogram->sum_ns, ns > 0 ? (uint64_t)ns : 0);
}

static uint64_t get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Sum over the workers of the counter at this offset of struct metrics. */
static uint64_t sum(const struct gateway *gateway, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        const char *base = (const char *)&gateway->workers[i]->metrics;
        total += get((const atomic_uint_fast64_t *)(const void *)(base + offset));
    }
    return total;
}

static void header(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static uint64_t requests_of(const struct gateway *gateway, size_t endpoint, size_t code)
{
    return sum(gateway, offsetof(struct metrics, requests) +
                            (endpoint * METRICS_CODES + code) * sizeof(atomic_uint_fast64_t));
}

/* The last row is of requests that no endpoint takes. */
static void write_endpoint(const struct gateway *gateway, size_t e, struct buf *out)
{
    bool known = e < endpoint_count;
    struct slice name = known ? endpoints[e].name : SLICE("other");
    const char *method = !known                                    ? "other"
                         : endpoints[e].method == HTTP_POST_METHOD ? "POST"
                                                                   : "GET";
    for (size_t c = 0; c < METRICS_CODES; c++) {
        uint64_t value = requests_of(gateway, e, c);
        char code[16] = "other";
        if (value == 0) {
            continue;
        }
        if (codes[c] != 0) {
            snprintf(code, sizeof(code), "%d", codes[c]);
        }
        buf_printf(out,
                   "sluice_http_requests_total{route=\"%.*s\",method=\"%s\",code=\"%s\"} %llu\n",
                   SLICE_ARG(name), method, code, (unsigned long long)value);
    }
}

static void write_requests(const struct gateway *gateway, struct buf *out)
{
    header(out, "sluice_http_requests_total", "counter", "Requests by endpoint and status code.");
    for (size_t e = 0; e < METRICS_ENDPOINTS; e++) {
        write_endpoint(gateway, e, out);
    }
}

static void write_histogram(const struct gateway *gateway, struct buf *out, const char *name,
                            const char *help, size_t offset, int64_t first_bound_ns)
{
    header(out, name, "histogram", help);
    uint64_t cumulative = 0;
    double bound = (double)first_bound_ns / 1e9;
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        cumulative += sum(gateway, offset + offsetof(struct histogram, buckets) +
                                       i * sizeof(atomic_uint_fast64_t));
        if (i == METRICS_BUCKETS - 1) {
            buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)cumulative);
        } else {
            buf_printf(out, "%s_bucket{le=\"%.6g\"} %llu\n", name, bound,
                       (unsigned long long)cumulative);
        }
        bound *= 2;
    }
    double seconds = (double)sum(gateway, offset + offsetof(struct histogram, sum_ns)) / 1e9;
    buf_printf(out, "%s_sum %.9g\n%s_count %llu\n", name, seconds, name,
               (unsigned long long)cumulative);
}

static const struct {
    const char *name;
    const char *labels;
    const char *help; /* NULL: another series of the metric above */
    size_t offset;
    bool money;
} counters[] = {
    {"sluice_abandoned_total", "", "Calls whose client left before the end of its answer.",
     offsetof(struct metrics, abandoned), false},
    {"sluice_retries_total", "", "Attempts that failed and were followed by another one.",
     offsetof(struct metrics, retries), false},
    {"sluice_fallbacks_total", "", "Attempts after the first of a call.",
     offsetof(struct metrics, fallbacks), false},
    {"sluice_opaque_state_lost_total", "",
     "Reasoning and seals of tool calls that were too large to keep for later turns.",
     offsetof(struct metrics, opaque_lost), false},
    {"sluice_cache_total", "{result=\"hit\"}",
     "Calls that the exact cache was asked for, by result.", offsetof(struct metrics, cache_hits),
     false},
    {"sluice_cache_total", "{result=\"miss\"}", NULL, offsetof(struct metrics, cache_misses),
     false},
    {"sluice_cache_kept_total", "", "Answers that were kept for the exact cache.",
     offsetof(struct metrics, cache_kept), false},
    {"sluice_cost_usd_total", "", "Dollars charged by providers.",
     offsetof(struct metrics, cost_nd), true},
    {"sluice_baseline_usd_total", "", "Dollars the same usage costs at the baselines.",
     offsetof(struct metrics, baseline_nd), true},
    {"sluice_upstream_tokens_total", "{type=\"input\"}", "Tokens by type.",
     offsetof(struct metrics, input_tokens), false},
    {"sluice_upstream_tokens_total", "{type=\"output\"}", NULL,
     offsetof(struct metrics, output_tokens), false},
    {"sluice_upstream_tokens_total", "{type=\"cache_read\"}", NULL,
     offsetof(struct metrics, cache_read_tokens), false},
    {"sluice_upstream_tokens_total", "{type=\"cache_write\"}", NULL,
     offsetof(struct metrics, cache_write_tokens), false},
    {"sluice_upstream_tokens_total", "{type=\"reasoning\"}", NULL,
     offsetof(struct metrics, reasoning_tokens), false},
    {"sluice_estimated_usage_total", "", "Attempts whose usage the provider did not report.",
     offsetof(struct metrics, estimated_usage), false},
    {"sluice_untrue_usage_total", "",
     "Attempts whose reported usage cannot be read, or is nothing for an answer that came.",
     offsetof(struct metrics, untrue_usage), false},
    {"sluice_infeasible_total", "", "Calls refused because no target satisfied them.",
     offsetof(struct metrics, refused_plans), false},
    {"sluice_unauthorized_total", "", "Requests without a valid client key.",
     offsetof(struct metrics, unauthorized), false},
    {"sluice_ledger_refused_total", "", "Records that the journal could not take.",
     offsetof(struct metrics, ledger_refused), false},
    {"sluice_overruns_total", "", "Attempts that a provider charged more for than was foreseen.",
     offsetof(struct metrics, overruns), false},
    {"sluice_session_cached_tokens_total", "",
     "Prompt tokens that providers had in their caches in turns that stayed with their target.",
     offsetof(struct metrics, session_cached_tokens), false},
    {"sluice_lease_waits_total", "", "Calls that waited for a slice of a limit (cluster).",
     offsetof(struct metrics, lease_waits), false},
    {"sluice_verdicts_total", "{verdict=\"accept\"}", "Answers that were checked, by verdict.",
     offsetof(struct metrics, answers_accepted), false},
    {"sluice_verdicts_total", "{verdict=\"escalate\"}", NULL,
     offsetof(struct metrics, answers_rejected), false},
    {"sluice_verdicts_total", "{verdict=\"early\"}", NULL, offsetof(struct metrics, answers_early),
     false},
    {"sluice_escalations_total", "",
     "Answers that were not good enough and led to another attempt.",
     offsetof(struct metrics, escalations), false},
};

static void write_checks(const struct gateway *gateway, struct buf *out)
{
    _Static_assert(METRICS_CHECKS == CHECK_COUNT, "one counter for each check");
    header(out, "sluice_checks_failed_total", "counter", "Answers that failed a check.");
    for (unsigned i = 0; i < CHECK_COUNT; i++) {
        uint64_t value = sum(gateway, offsetof(struct metrics, checks_failed) +
                                          i * sizeof(atomic_uint_fast64_t));
        if (value > 0) {
            buf_printf(out, "sluice_checks_failed_total{check=\"%s\"} %llu\n",
                       answer_check_name((enum answer_check)i), (unsigned long long)value);
        }
    }
}

static void write_counters(const struct gateway *gateway, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
        if (counters[i].help != NULL) {
            header(out, counters[i].name, "counter", counters[i].help);
        }
        uint64_t value = sum(gateway, counters[i].offset);
        buf_printf(out, "%s%s ", counters[i].name, counters[i].labels);
        if (counters[i].money) {
            money_format(out, (int64_t)value);
        } else {
            buf_append_u64(out, value);
        }
        buf_append_char(out, '\n');
    }
}

static void write_sessions(const struct gateway *gateway, struct buf *out)
{
    struct sessions_stats stats = {0};
    if (gateway->sessions != NULL) {
        sessions_stats_read(gateway->sessions, &stats);
    }
    header(out, "sluice_sessions", "gauge",
           "Conversations and calls of tools that are remembered.");
    buf_printf(out, "sluice_sessions %llu\n", (unsigned long long)stats.entries);
    header(out, "sluice_sessions_evicted_total", "counter",
           "Conversations that were forgotten before their time, for want of room.");
    buf_printf(out, "sluice_sessions_evicted_total %llu\n", (unsigned long long)stats.evicted);
    header(out, "sluice_session_turns_total", "counter",
           "Answered turns of conversations: new, kept at its target, or why it moved.");
    for (unsigned state = SESSION_NEW; state < SESSION_STATES; state++) {
        size_t offset = offsetof(struct metrics, sessions) + state * sizeof(atomic_uint_fast64_t);
        buf_printf(out, "sluice_session_turns_total{outcome=\"%s\"} %llu\n",
                   session_state_name((enum session_state)state),
                   (unsigned long long)sum(gateway, offset));
    }
}

static void label(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '"' || c == '\\') {
            buf_append_char(out, '\\');
        }
        buf_append_char(out, (unsigned char)c < 0x20 ? ' ' : c);
    }
}

static void target_series(struct buf *out, const char *name, const struct target *target,
                          const char *extra)
{
    buf_printf(out, "%s{target=\"", name);
    label(out, target->name);
    buf_append_cstr(out, "\",provider=\"");
    label(out, target->provider_name);
    buf_printf(out, "\"%s} ", extra);
}

static void write_target_outcomes(const struct snapshot *snapshot, struct buf *out)
{
    header(out, "sluice_upstream_requests_total", "counter", "Attempts by target and outcome.");
    for (size_t i = 0; i < snapshot->policy.target_count; i++) {
        const struct target *target = &snapshot->policy.targets[i];
        const struct target_state *state = target_state_of(target);
        for (int o = 0; o < ATTEMPT_OUTCOMES; o++) {
            uint64_t value = get(&state->outcomes[o]);
            if (value > 0) {
                char extra[64];
                snprintf(extra, sizeof(extra), ",outcome=\"%s\"",
                         attempt_outcome_name((enum attempt_outcome)o));
                target_series(out, "sluice_upstream_requests_total", target, extra);
                buf_printf(out, "%llu\n", (unsigned long long)value);
            }
        }
    }
}

static void write_breakers(const struct gateway *gateway, const struct snapshot *snapshot,
                           struct buf *out)
{
    int64_t now_ns = clock_monotonic(gateway->clock);
    header(out, "sluice_breaker_state", "gauge", "1: the target rests after failures.");
    for (size_t i = 0; i < snapshot->policy.target_count; i++) {
        const struct target *target = &snapshot->policy.targets[i];
        if (get(&target->health->requests) == 0) {
            continue;
        }
        target_series(out, "sluice_breaker_state", target, "");
        buf_printf(out, "%d\n", health_alive(target->health, now_ns) ? 0 : 1);
    }
}

static void put_signed_usd(struct buf *out, int64_t nd)
{
    money_format(out, nd);
    buf_append_char(out, '\n');
}

/* Of targets whose provider tells what it charges. */
static void write_drift(const struct snapshot *snapshot, struct buf *out)
{
    static const struct {
        const char *name;
        const char *type;
        const char *help;
    } series[] = {
        {"sluice_price_drift_attempts_total", "counter",
         "Attempts charged as their provider told, of targets that have a price, too."},
        {"sluice_price_drift_usd", "gauge",
         "What providers told that they charge, less the same usage at the target's price."},
        {"sluice_price_drift_ratio", "gauge", "The same as a share of the latter."},
    };
    for (size_t s = 0; s < ARRAY_LEN(series); s++) {
        header(out, series[s].name, series[s].type, series[s].help);
        for (size_t i = 0; i < snapshot->policy.target_count; i++) {
            const struct target *target = &snapshot->policy.targets[i];
            const struct target_state *state = target_state_of(target);
            uint64_t told = get(&state->told);
            int64_t catalogue_nd = atomic_load(&state->catalogue_nd);
            int64_t drift_nd = atomic_load(&state->told_nd) - catalogue_nd;
            if (told == 0 || (s == 2 && catalogue_nd == 0)) {
                continue;
            }
            target_series(out, series[s].name, target, "");
            if (s == 0) {
                buf_printf(out, "%llu\n", (unsigned long long)told);
            } else if (s == 1) {
                put_signed_usd(out, drift_nd);
            } else {
                buf_printf(out, "%.9g\n", (double)drift_nd / (double)catalogue_nd);
            }
        }
    }
}

static void gauge(struct buf *out, const char *name, const char *help, double value)
{
    header(out, name, "gauge", help);
    buf_printf(out, "%s %.9g\n", name, value);
}

static void write_ledger(struct gateway *gateway, struct buf *out)
{
    if (gateway->ledger == NULL) {
        return;
    }
    struct ledger_stats ledger;
    struct journal_stats journal;
    ledger_stats(gateway->ledger, &ledger);
    journal_stats(ledger_journal(gateway->ledger), &journal);
    gauge(out, "sluice_ledger_queue_depth", "Journal records not yet in the database.",
          (double)journal.unread_records);
    gauge(out, "sluice_ledger_lag_seconds", "Age of the oldest record not yet in the database.",
          (double)ledger.lag_ms / 1e3);
    gauge(out, "sluice_ledger_commit_seconds", "Duration of the last commit.",
          (double)ledger.last_commit_us / 1e6);
    header(out, "sluice_ledger_errors_total", "counter",
           "Commits that failed and were tried again.");
    buf_printf(out, "sluice_ledger_errors_total %llu\n", (unsigned long long)ledger.errors);
}

static void write_budget(struct gateway *gateway, struct buf *out)
{
    static const char *const limits[BUDGET_LIMITS] = {
        [BUDGET_CAP] = "cap",           [BUDGET_CALL_COST] = "call_cost",
        [BUDGET_REQUESTS] = "requests", [BUDGET_TOKENS] = "tokens",
        [BUDGET_PARALLEL] = "parallel", [BUDGET_BLOCKED] = "blocked",
    };
    struct budget_stats stats;
    budget_stats_read(gateway->budget, &stats);
    header(out, "sluice_limits_refused_total", "counter", "Calls refused by limits of keys.");
    for (size_t i = 0; i < BUDGET_LIMITS; i++) {
        buf_printf(out, "sluice_limits_refused_total{limit=\"%s\"} %llu\n", limits[i],
                   (unsigned long long)stats.refused[i]);
    }
    gauge(out, "sluice_held_usd", "Dollars set aside for attempts under way.",
          (double)stats.held_nd / 1e9);
    header(out, "sluice_alerts_lost_total", "counter", "Alerts of caps that found no room.");
    buf_printf(out, "sluice_alerts_lost_total %llu\n", (unsigned long long)stats.alerts_lost);
}

/* Of a cluster alone. */
static void write_leases(struct gateway *gateway, struct buf *out)
{
    struct lease_postgres_stats stats;
    struct lease_stats leases;
    if (gateway->cluster.leases == NULL) {
        return;
    }
    lease_postgres_stats_read(gateway->cluster.leases, &stats);
    budget_lease_stats(gateway->budget, LEASE_CAPS, &leases);
    gauge(out, "sluice_lease_authority_up", "1: PostgreSQL grants slices of caps.",
          stats.connected ? 1 : 0);
    gauge(out, "sluice_lease_room_usd", "Dollars of caps that this node may still spend.",
          (double)leases.room_nd / 1e9);
    gauge(out, "sluice_lease_meters", "Caps that this node has leased so far.",
          (double)leases.meters);
    header(out, "sluice_lease_exchanges_total", "counter", "Exchanges with PostgreSQL.");
    buf_printf(out, "sluice_lease_exchanges_total{done=\"yes\"} %llu\n",
               (unsigned long long)(stats.exchanges - stats.failures));
    buf_printf(out, "sluice_lease_exchanges_total{done=\"no\"} %llu\n",
               (unsigned long long)stats.failures);
    header(out, "sluice_lease_exchange_seconds_total", "counter", "Time that exchanges took.");
    buf_printf(out, "sluice_lease_exchange_seconds_total %.6f\n", (double)stats.exchange_ns / 1e9);
    header(out, "sluice_lease_away_refused_total", "counter",
           "Attempts refused because PostgreSQL was away.");
    buf_printf(out, "sluice_lease_away_refused_total %llu\n", (unsigned long long)leases.away);
    header(out, "sluice_lease_unleased_total", "counter",
           "Attempts let through without a slice (cluster.when_away: allow).");
    buf_printf(out, "sluice_lease_unleased_total %llu\n", (unsigned long long)leases.unleased);
}

static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long size = 0;
    unsigned long resident = 0;
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%lu %lu", &size, &resident) != 2) {
        resident = 0;
    }
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void write_process(struct gateway *gateway, struct buf *out)
{
    int64_t now_ns = clock_monotonic(gateway->clock);
    gauge(out, "sluice_config_last_reload_success", "1: the last reload was applied.",
          atomic_load(&gateway->last_reload_ok) ? 1 : 0);
    gauge(out, "sluice_config_last_reload_timestamp_seconds", "Unix time of the last reload.",
          (double)atomic_load(&gateway->last_reload_wall_ns) / 1e9);
    gauge(out, "process_resident_memory_bytes", "Resident memory.", resident_bytes());
    gauge(out, "sluice_uptime_seconds", "Seconds since start.",
          (double)(now_ns - gateway->started_ns) / 1e9);
    header(out, "sluice_telemetry_dropped_total", "counter",
           "Log lines dropped because the ring was full.");
    buf_printf(out, "sluice_telemetry_dropped_total %llu\n", (unsigned long long)log_dropped());
    header(out, "sluice_build_info", "gauge", "Version as a label.");
    buf_append_cstr(out, "sluice_build_info{version=\"" SLUICE_VERSION "\"} 1\n");
}

void metrics_write(struct gateway *gateway, struct buf *out)
{
    struct snapshot *snapshot = gateway_snapshot(gateway);
    write_requests(gateway, out);
    write_histogram(gateway, out, "sluice_http_request_duration_seconds", "Duration of calls.",
                    offsetof(struct metrics, duration), METRICS_DURATION_FIRST_NS);
    write_histogram(
        gateway, out, "sluice_overhead_seconds",
        "Time from the first byte of a request to the first attempt, reading the body included.",
        offsetof(struct metrics, overhead), METRICS_OVERHEAD_FIRST_NS);
    write_histogram(gateway, out, "sluice_upstream_ttft_seconds",
                    "Time to the first byte of upstreams.", offsetof(struct metrics, first_byte),
                    METRICS_DURATION_FIRST_NS);
    write_counters(gateway, out);
    write_checks(gateway, out);
    evidence_keep_metrics(gateway, out);
    write_sessions(gateway, out);
    write_target_outcomes(snapshot, out);
    write_drift(snapshot, out);
    write_breakers(gateway, snapshot, out);
    write_ledger(gateway, out);
    write_leases(gateway, out);
    write_budget(gateway, out);
    gateway_cluster_metrics(gateway, out);
    cluster_redis_metrics(gateway, out);
    write_process(gateway, out);
    snapshot_unref(snapshot);
}
