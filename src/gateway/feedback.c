/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/feedback.h"

#include "codec/json.h"
#include "codec/json_write.h"
#include "gateway/admin_job.h"
#include "gateway/call_evidence.h"
#include "gateway/status.h"
#include "store/report.h"

#define SCORE_DECIMALS 6
#define FIND_MS 2000 /* for the ledger's writer, when a call is not there yet */
#define TELL_MS 500  /* until what was said counts, if that is so soon */
#define JOB_WORDS_ARENA (1u << 20)

static bool refuse(struct error *error, const char *code, const char *member, const char *text)
{
    error_set(error, ERROR_INVALID, code, "%s", text);
    error_at(error, "%s", member);
    return false;
}

static bool read_call_id(const struct json_doc *doc, uint32_t value, struct feedback *feedback,
                         struct error *error)
{
    bool sound =
        json_is(doc, value, JSON_STRING) && id_parse(json_inner(doc, value), &feedback->call);
    return sound || refuse(error, "invalid_call_id", "/call_id",
                           "A call id has 36 characters, as in x-sluice-call-id.");
}

static bool read_score(const struct json_doc *doc, uint32_t value, struct feedback *feedback,
                       struct error *error)
{
    int64_t ppm = -1;
    bool sound = json_is(doc, value, JSON_NUMBER) &&
                 json_scaled(doc, value, SCORE_DECIMALS, &ppm) && ppm >= 0 && ppm <= EVIDENCE_PPM;
    feedback->score_ppm = sound ? (uint32_t)ppm : 0;
    return sound || refuse(error, "invalid_score", "/score", "The score is a number from 0 to 1.");
}

static bool has_controls(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7F) {
            return true;
        }
    }
    return false;
}

static bool read_label(const struct json_doc *doc, uint32_t value, struct feedback *feedback,
                       struct error *error)
{
    char text[FEEDBACK_BODY_MAX];
    if (json_is(doc, value, JSON_NULL)) {
        return true;
    }
    size_t len = json_is(doc, value, JSON_STRING)
                     ? json_unescape_to(json_inner(doc, value), text, sizeof(text) - 1)
                     : SIZE_MAX;
    if (len > FEEDBACK_LABEL_MAX || has_controls(text, len)) {
        return refuse(error, "invalid_label", "/label",
                      "The label is a text of at most 200 bytes without control characters.");
    }
    slice_to_cstr(slice_of(text, len), feedback->label, sizeof(feedback->label));
    return true;
}

static bool read_member(const struct json_doc *doc, uint32_t key, struct feedback *feedback,
                        unsigned *seen, struct error *error)
{
    static const struct {
        struct slice name;
        bool (*read)(const struct json_doc *, uint32_t, struct feedback *, struct error *);
    } members[] = {
        {SLICE_INIT("call_id"), read_call_id},
        {SLICE_INIT("score"), read_score},
        {SLICE_INIT("label"), read_label},
    };
    for (unsigned i = 0; i < ARRAY_LEN(members); i++) {
        if (json_string_is(doc, key, members[i].name) && (*seen >> i & 1u) == 0) {
            *seen |= 1u << i;
            return members[i].read(doc, key + 1, feedback, error);
        }
    }
    return refuse(error, "invalid_body", "", "Members are call_id, score and label, each once.");
}

static bool read_document(const struct json_doc *doc, struct feedback *feedback,
                          struct error *error)
{
    unsigned seen = 0;
    if (!json_is(doc, JSON_ROOT, JSON_OBJECT)) {
        return refuse(error, "invalid_body", "", "The body is a JSON object.");
    }
    for (uint32_t key = json_first(doc, JSON_ROOT); key != JSON_ABSENT;
         key = json_next(doc, JSON_ROOT, key)) {
        if (!read_member(doc, key, feedback, &seen, error)) {
            return false;
        }
    }
    if ((seen & 1u) == 0) {
        return refuse(error, "invalid_call_id", "/call_id", "Which call? call_id is missing.");
    }
    return (seen & 2u) != 0 ||
           refuse(error, "invalid_score", "/score", "The score, a number from 0 to 1, is missing.");
}

bool feedback_read(struct slice body, struct feedback *ret_feedback, struct error *error)
{
    struct json_doc doc;
    struct error wrong;
    *ret_feedback = (struct feedback){.score_ppm = 0};
    if (body.len > FEEDBACK_BODY_MAX) {
        return refuse(error, "invalid_body", "", "Feedback has at most 4096 bytes.");
    }
    json_doc_init(&doc);
    bool ok = json_parse(&doc, body, &json_default_limits, &wrong)
                  ? read_document(&doc, ret_feedback, error)
                  : refuse(error, "invalid_body", "", "The body is a JSON object.");
    json_doc_release(&doc);
    return ok;
}

/* --- on the pool --- */

static bool find_here(struct admin_job *job, struct arena *arena, struct call_detail *detail)
{
    return job->own == 0
               ? report_call(job->path, job->id, arena, detail, &job->error)
               : report_call_of_key(job->path, job->own, job->id, arena, detail, &job->error);
}

/* A call that has just ended may be in the journal only; one of another node is in PostgreSQL. */
static bool find_call(struct admin_job *job, struct arena *arena, struct call_detail *detail)
{
    struct cluster_reports *reports = job->gateway->cluster.reports;
    if (find_here(job, arena, detail)) {
        return true;
    }
    bool found = job->error.kind == ERROR_NOT_FOUND &&
                 ledger_flush(job->gateway->ledger, FIND_MS) && find_here(job, arena, detail);
    if (!found && reports != NULL && job->error.kind == ERROR_NOT_FOUND) {
        found = cluster_report_call(reports, job->own, job->id, arena, detail, &job->error);
    }
    return found;
}

/* What had been expected of the target that answered; 0: not recorded. */
static uint32_t expected_of(const struct call_detail *detail)
{
    struct slice candidates = detail->row.call.candidates;
    for (size_t at = 0; at + CANDIDATE_BYTES <= candidates.len; at += CANDIDATE_BYTES) {
        struct candidate candidate = candidate_get(candidates.ptr + at);
        const struct offer *offer = call_detail_offer(detail, candidate.offer);
        if (offer != NULL && slice_eq(offer->target, detail->row.call.target)) {
            return candidate.success_permille > 1000 ? 0 : candidate.success_permille;
        }
    }
    return 0;
}

static bool journal_it(struct admin_job *job, const struct call_detail *detail)
{
    const struct call_record *call = &detail->row.call;
    if (call->target.len == 0 || call->status >= 400) {
        return error_set(&job->error, ERROR_UNSUPPORTED, "call_not_answered",
                         "Nothing answered this call: there is nothing to say of it.");
    }
    const struct evidence_record record = {
        .call = job->id,
        .wall_ns = clock_wall(job->gateway->clock),
        .source = EVIDENCE_FEEDBACK,
        .score_ppm = (uint32_t)job->after,
        .weight_ppm = EVIDENCE_PPM,
        .success_permille = expected_of(detail),
        .key_id = job->own,
        .task = call->task,
        .tag = call->tag,
        .route = call->route,
        .target = call->target,
        .label = slice_from_cstr(job->label),
    };
    uint8_t results[CHECK_COUNT];
    uint64_t key = 0;
    if (verdict_memory_take(&job->gateway->verdicts_seen, &job->id, &key, results)) {
        evidence_checks_journal(ledger_journal(job->gateway->ledger), &record, key, results);
    }
    return journal_evidence(ledger_journal(job->gateway->ledger), &record) ||
           error_set(&job->error, ERROR_ENVIRONMENT, "ledger_full",
                     "The journal takes no records now: try again later.");
}

static void ask_feedback(struct admin_job *job)
{
    char id[ID_TEXT_LEN + 1];
    struct arena arena;
    struct call_detail detail;
    arena_init(&arena, JOB_WORDS_ARENA);
    job->ok = find_call(job, &arena, &detail) && journal_it(job, &detail);
    if (job->ok) {
        struct json_writer w;
        (void)!ledger_flush(job->gateway->ledger, TELL_MS);
        json_writer_init(&w, &job->answer);
        json_begin_object(&w);
        json_member_string(&w, SLICE("call_id"), slice_from_cstr(id_format(job->id, id)));
        json_member_scaled(&w, SLICE("score"), (int64_t)job->after, SCORE_DECIMALS);
        json_member_string(&w, SLICE("target"), detail.row.call.target);
        json_end_object(&w);
    }
    arena_release(&arena);
}

void feedback_take(struct worker *worker, struct http_exchange *x, struct slice rest,
                   struct slice body)
{
    struct feedback feedback;
    struct error error;
    uint64_t own = 0;
    (void)rest;
    error_clear(&error);
    if (!admin_find_own(worker, x, &own)) {
        return;
    }
    if (!feedback_read(body, &feedback, &error)) {
        answer_error_of(x, &error);
        return;
    }
    struct admin_job *job = admin_job_new(worker, x, ask_feedback);
    if (job != NULL) {
        job->own = own;
        job->id = feedback.call;
        job->after = feedback.score_ppm;
        slice_to_cstr(slice_from_cstr(feedback.label), job->label, sizeof(job->label));
        admin_job_start(worker, job);
    }
}
