/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/admin.h"

#include "codec/json.h"
#include "gateway/admin_job.h"
#include "gateway/calibration_json.h"
#include "gateway/refusals.h"
#include "gateway/rows_json.h"
#include "gateway/status.h"
#include "gateway/worker.h"

#define DAY_S 86400

/* Value of a query parameter, as it stands (our parameters need no decoding). */
struct slice query_parameter(struct http_exchange *x, struct slice name)
{
    struct slice rest = http_exchange_request(x)->query;
    while (rest.len > 0) {
        struct slice value = slice_cut(&rest, '&');
        struct slice key = slice_cut(&value, '=');
        if (slice_eq(key, name)) {
            return value;
        }
    }
    return SLICE_EMPTY;
}

/* Whose calls may be seen: *ret_own as job->own. False: it was answered. */
bool admin_find_own(struct worker *worker, struct http_exchange *x, uint64_t *ret_own)
{
    const struct listener *listener = http_exchange_owner(x);
    struct caller caller;
    struct error error;
    *ret_own = 0;
    if (listener->admin || !worker->snapshot->keys_required) {
        return true;
    }
    if (!exchange_caller(worker, x, &caller, &error)) {
        answer_error_of(x, &error);
        return false;
    }
    *ret_own = caller.key == NULL ? REPORT_KEY_NOBODY : caller.key->id;
    return true;
}

static bool read_calls(struct admin_job *job, struct slice before, struct arena *arena,
                       struct call_page *page)
{
    return job->own == 0 ? report_calls(job->path, before, job->limit, arena, page, &job->error)
                         : report_calls_of_key(job->path, job->own, before, job->limit, arena, page,
                                               &job->error);
}

static bool read_call(struct admin_job *job, struct arena *arena, struct call_detail *detail)
{
    return job->own == 0
               ? report_call(job->path, job->id, arena, detail, &job->error)
               : report_call_of_key(job->path, job->own, job->id, arena, detail, &job->error);
}

static bool read_report(struct admin_job *job, struct report *report)
{
    return job->own == 0 ? report_make(job->path, job->by, job->since_s, 0, report, &job->error)
                         : report_make_of_key(job->path, job->own, job->by, job->since_s, 0, report,
                                              &job->error);
}

/* PostgreSQL did not answer: this node's own ledger does. */
static bool falls_back(const struct admin_job *job)
{
    return job->error.kind == ERROR_ENVIRONMENT && strcmp(job->error.code, "out_of_memory") != 0;
}

static void ask_calls(struct admin_job *job)
{
    struct cluster_reports *reports = job->gateway->cluster.reports;
    const char *nodes = reports == NULL ? NULL : "all";
    struct arena arena;
    struct call_page page;
    arena_init(&arena, JOB_ARENA);
    struct slice cursor = slice_from_cstr(job->cursor);
    job->ok = reports != NULL && cluster_report_calls(reports, job->own, cursor, job->limit, &arena,
                                                      &page, &job->error);
    if (reports == NULL || (!job->ok && falls_back(job))) {
        nodes = reports == NULL ? NULL : "this";
        job->ok = read_calls(job, cursor, &arena, &page);
    }
    if (job->ok) {
        json_write_calls(&page, nodes, &job->answer);
    }
    arena_release(&arena);
}

void admin_calls(struct worker *worker, struct http_exchange *x, struct slice rest,
                 struct slice body)
{
    (void)rest;
    (void)body;
    uint64_t limit = 50;
    uint64_t own = 0;
    if (!admin_find_own(worker, x, &own)) {
        return;
    }
    struct slice text = query_parameter(x, SLICE("limit"));
    if (text.ptr != NULL &&
        (!slice_to_u64(text, &limit) || limit < 1 || limit > REPORT_CALLS_MAX)) {
        answer_error(x, 400, "invalid_query", "limit is a whole number from 1 to 1000.");
        return;
    }
    struct admin_job *job = admin_job_new(worker, x, ask_calls);
    if (job == NULL) {
        return;
    }
    job->own = own;
    job->limit = (size_t)limit;
    slice_to_cstr(query_parameter(x, SLICE("before")), job->cursor, sizeof(job->cursor));
    admin_job_start(worker, job);
}

static void ask_call(struct admin_job *job)
{
    struct arena arena;
    struct call_detail detail;
    arena_init(&arena, JOB_ARENA);
    /* Its own are here at once, and with more than is shipped. */
    job->ok = read_call(job, &arena, &detail);
    if (!job->ok && job->gateway->cluster.reports != NULL && job->error.kind == ERROR_NOT_FOUND) {
        job->ok = cluster_report_call(job->gateway->cluster.reports, job->own, job->id, &arena,
                                      &detail, &job->error);
    }
    if (job->ok) {
        json_write_call(&detail, &job->answer);
    }
    arena_release(&arena);
}

void admin_call(struct worker *worker, struct http_exchange *x, struct slice rest,
                struct slice body)
{
    struct id id;
    uint64_t own = 0;
    (void)body;
    if (!admin_find_own(worker, x, &own)) {
        return;
    }
    if (!id_parse(rest, &id)) {
        answer_error(x, 400, "invalid_id", "A call id has 36 characters, as in x-sluice-call-id.");
        return;
    }
    struct admin_job *job = admin_job_new(worker, x, ask_call);
    if (job != NULL) {
        job->own = own;
        job->id = id;
        admin_job_start(worker, job);
    }
}

static void ask_report(struct admin_job *job)
{
    struct report report;
    struct cluster_reports *reports = job->gateway->cluster.reports;
    const char *nodes = reports == NULL ? NULL : "all";
    job->ok = reports != NULL && cluster_report_make(reports, job->own, job->by, job->since_s, 0,
                                                     &report, &job->error);
    if (reports == NULL || (!job->ok && falls_back(job))) {
        nodes = reports == NULL ? NULL : "this";
        job->ok = read_report(job, &report);
    }
    if (job->ok) {
        json_write_report(&report, job->by, job->since_s, nodes, &job->answer);
        report_release(&report);
    }
}

void admin_report(struct worker *worker, struct http_exchange *x, struct slice rest,
                  struct slice body)
{
    (void)rest;
    (void)body;
    struct slice by = query_parameter(x, SLICE("by"));
    struct slice days = query_parameter(x, SLICE("days"));
    uint64_t day_count = 7;
    enum report_by kind = REPORT_DAY;
    uint64_t own = 0;
    if (!admin_find_own(worker, x, &own)) {
        return;
    }
    if ((by.len > 0 && !report_by_from_name(by, &kind)) ||
        (days.len > 0 && (!slice_to_u64(days, &day_count) || day_count > 36500))) {
        answer_error(x, 400, "invalid_query",
                     "by is one of day, model, task, key, provider, target, route, user, team, "
                     "organisation, tag; days a whole number.");
        return;
    }
    if (own != 0 && kind != REPORT_DAY && kind != REPORT_MODEL) {
        answer_error(x, 400, "invalid_query", "by is day or model for a client key.");
        return;
    }
    struct admin_job *job = admin_job_new(worker, x, ask_report);
    if (job != NULL) {
        job->own = own;
        job->by = kind;
        job->since_s = clock_wall(worker->loop.clock) / NS_PER_S - (int64_t)day_count * DAY_S;
        admin_job_start(worker, job);
    }
}

static void ask_calibration(struct admin_job *job)
{
    struct calibration report;
    job->ok = calibration_make(job->path, job->since_s, &report, &job->error);
    if (job->ok) {
        json_write_calibration(&report, job->since_s, &job->answer);
        calibration_release(&report);
    }
}

void admin_calibration(struct worker *worker, struct http_exchange *x, struct slice rest,
                       struct slice body)
{
    (void)rest;
    (void)body;
    struct slice days = query_parameter(x, SLICE("days"));
    uint64_t day_count = 7;
    if (days.len > 0 && (!slice_to_u64(days, &day_count) || day_count > 36500)) {
        answer_error(x, 400, "invalid_query", "days is a whole number.");
        return;
    }
    struct admin_job *job = admin_job_new(worker, x, ask_calibration);
    if (job != NULL) {
        job->since_s = clock_wall(worker->loop.clock) / NS_PER_S - (int64_t)day_count * DAY_S;
        admin_job_start(worker, job);
    }
}

void admin_targets(struct worker *worker, struct http_exchange *x, struct slice rest,
                   struct slice body)
{
    (void)rest;
    (void)body;
    struct buf out = BUF_INIT(JOB_ANSWER);
    json_write_targets(worker->snapshot, clock_monotonic(worker->loop.clock), &out);
    answer_json_made(x, &out);
    buf_release(&out);
}

/* Body: {"on": true|false}. */
void admin_target_switch(struct worker *worker, struct http_exchange *x, struct slice rest,
                         struct slice body)
{
    char decoded[PATH_NAME_MAX];
    uint16_t index =
        policy_find_target(&worker->snapshot->policy, path_decode(rest, decoded, sizeof(decoded)));
    if (index == NO_TARGET) {
        answer_error(x, 404, "target_not_found", "No target has this name.");
        return;
    }
    struct json_doc doc;
    struct error error;
    bool on = false;
    json_doc_init(&doc);
    bool ok = json_parse(&doc, body, &json_default_limits, &error) &&
              json_member(&doc, JSON_ROOT, SLICE("on")) != JSON_ABSENT &&
              json_bool(&doc, json_member(&doc, JSON_ROOT, SLICE("on")), &on);
    json_doc_release(&doc);
    if (!ok) {
        answer_error(x, 400, "invalid_body", "The body must be {\"on\": true} or {\"on\": false}.");
        return;
    }
    atomic_store(&worker->snapshot->policy.targets[index].health->switched_off, !on);
    answer_json(x, 200, on ? SLICE("{\"on\":true}") : SLICE("{\"on\":false}"));
}

void admin_prices(struct worker *worker, struct http_exchange *x, struct slice rest,
                  struct slice body)
{
    (void)rest;
    (void)body;
    struct buf out = BUF_INIT(JOB_ANSWER);
    json_write_prices(query_parameter(x, SLICE("filter")),
                      clock_wall(worker->loop.clock) / NS_PER_S, &out);
    answer_json_made(x, &out);
    buf_release(&out);
}
