/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/refusals.h"

#include "base/log.h"
#include "base/memory.h"
#include "gateway/admission.h"
#include "gateway/call_new.h"
#include "store/audit.h"

#include <stdio.h>

#define KEPT_MAX 256
#define WORD_MAX 112
#define SHOWN 10 /* of a secret: what `prefix` of a key shows */

struct refused {
    int64_t at_ns;
    char actor[WORD_MAX];
    char source[WORD_MAX];
    char subject[WORD_MAX];
    const char *outcome; /* literal */
    char detail[WORD_MAX];
};

struct batch {
    struct refused entries[KEPT_MAX];
    size_t count;
    uint64_t suppressed;
};

struct refusals {
    const struct clock *clock;
    char path[1024];
    pthread_mutex_t lock;
    struct batch noted; /* under the lock, as are the next two */
    int64_t credit_ns;  /* time that was not used for an entry yet */
    int64_t seen_ns;
    struct batch writing; /* of the thread that writes */
    bool under_way;       /* of the main loop */
    uv_work_t work;
    uv_loop_t *loop;
};

#define ENTRY_NS (NS_PER_S / REFUSALS_PER_S)

struct refusals *refusals_new(const struct clock *clock, const char *path)
{
    struct refusals *refusals = memory_array(1, sizeof(*refusals));
    if (refusals == NULL) {
        return NULL;
    }
    refusals->clock = clock;
    slice_to_cstr(slice_from_cstr(path), refusals->path, sizeof(refusals->path));
    pthread_mutex_init(&refusals->lock, NULL);
    refusals->credit_ns = REFUSALS_BURST * ENTRY_NS;
    refusals->seen_ns = clock_monotonic(clock);
    return refusals;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static struct audit_entry entry_of(const struct refused *refused)
{
    return (struct audit_entry){
        .at_ns = refused->at_ns,
        .actor = slice_from_cstr(refused->actor),
        .source = slice_from_cstr(refused->source),
        .action = SLICE("access"),
        .subject = slice_from_cstr(refused->subject),
        .outcome = slice_from_cstr(refused->outcome),
        .detail = slice_from_cstr(refused->detail),
    };
}

static void write_batch(struct refusals *refusals)
{
    struct audit_entry entries[KEPT_MAX + 1];
    struct batch *batch = &refusals->writing;
    char detail[48];
    struct error error;
    size_t count = 0;
    for (; count < batch->count; count++) {
        entries[count] = entry_of(&batch->entries[count]);
    }
    if (batch->suppressed > 0) {
        snprintf(detail, sizeof(detail), "{\"suppressed\":%llu}",
                 (unsigned long long)batch->suppressed);
        entries[count++] = (struct audit_entry){
            .at_ns = clock_wall(refusals->clock),
            .actor = SLICE("sluice"),
            .action = SLICE("access"),
            .outcome = SLICE("suppressed"),
            .detail = slice_from_cstr(detail),
        };
    }
    if (count > 0 && !audit_record(refusals->path, entries, count, &error)) {
        log_event(LOG_ERROR, "audit_failed", "%zu refused requests could not be recorded: %s",
                  count, error.text);
    }
}

/* False: there is nothing to write. What was suppressed waits for an entry, or for the end. */
static bool take_batch(struct refusals *refusals, bool last)
{
    pthread_mutex_lock(&refusals->lock);
    bool some = refusals->noted.count > 0 || (last && refusals->noted.suppressed > 0);
    if (some) {
        refusals->writing = refusals->noted;
        refusals->noted.count = 0;
        refusals->noted.suppressed = 0;
    }
    pthread_mutex_unlock(&refusals->lock);
    return some;
}

static void work(uv_work_t *work)
{
    write_batch(CONTAINER_OF(work, struct refusals, work));
}

static void work_done(uv_work_t *work, int status)
{
    struct refusals *refusals = CONTAINER_OF(work, struct refusals, work);
    (void)status;
    refusals->under_way = false;
    refusals_write(refusals, refusals->loop);
}

void refusals_write(struct refusals *refusals, uv_loop_t *loop)
{
    if (refusals == NULL || refusals->under_way || !take_batch(refusals, false)) {
        return;
    }
    refusals->under_way = true;
    refusals->loop = loop;
    uv_queue_work(loop, &refusals->work, work, work_done);
}

void refusals_free(struct refusals *refusals)
{
    if (refusals == NULL) {
        return;
    }
    if (take_batch(refusals, true)) {
        write_batch(refusals);
    }
    pthread_mutex_destroy(&refusals->lock);
    memory_free(refusals);
}

/* --- noting ------------------------------------------------------------------------------------
 */

/* Under the lock: may one more be kept? */
static bool take_credit(struct refusals *refusals)
{
    int64_t now_ns = clock_monotonic(refusals->clock);
    refusals->credit_ns += now_ns - refusals->seen_ns;
    refusals->seen_ns = now_ns;
    if (refusals->credit_ns > REFUSALS_BURST * ENTRY_NS) {
        refusals->credit_ns = REFUSALS_BURST * ENTRY_NS;
    }
    if (refusals->credit_ns < ENTRY_NS ||
        refusals->noted.count == KEPT_MAX) { /* the latter while the database is slow */
        refusals->noted.suppressed++;
        return false;
    }
    refusals->credit_ns -= ENTRY_NS;
    return true;
}

bool refusals_allow(struct refusals *refusals)
{
    pthread_mutex_lock(&refusals->lock);
    bool allowed = take_credit(refusals);
    pthread_mutex_unlock(&refusals->lock);
    return allowed;
}

bool refusals_add(struct refusals *refusals, struct slice actor, struct slice source,
                  struct slice subject, const char *outcome, struct slice detail)
{
    pthread_mutex_lock(&refusals->lock);
    bool kept = take_credit(refusals);
    if (kept) {
        struct refused *refused = &refusals->noted.entries[refusals->noted.count++];
        refused->at_ns = clock_wall(refusals->clock);
        refused->outcome = outcome;
        slice_to_cstr(actor, refused->actor, sizeof(refused->actor));
        slice_to_cstr(source, refused->source, sizeof(refused->source));
        slice_to_cstr(subject, refused->subject, sizeof(refused->subject));
        slice_to_cstr(detail, refused->detail, sizeof(refused->detail));
    }
    pthread_mutex_unlock(&refusals->lock);
    return kept;
}

/* The beginning of what was given, where it looks like one of ours: enough to find out whose it
 * was, not enough to use it. */
static struct slice shown_part(struct slice secret)
{
    bool ours = slice_starts(secret, SLICE("sk-sl-")) && secret.len > 2 * SHOWN;
    return ours ? slice_of(secret.ptr, SHOWN) : SLICE_EMPTY;
}

void refusal_note(struct worker *worker, const struct http_exchange *x,
                  const struct endpoint *endpoint, const struct caller_refusal *refusal)
{
    struct refusals *refusals = worker->gateway->refusals;
    char actor[WORD_MAX];
    char detail[WORD_MAX];
    if (refusals == NULL || refusal->silent) {
        return;
    }
    struct slice shown = shown_part(request_secret(http_exchange_request(x)));
    snprintf(detail, sizeof(detail), "%s%.*s%s", shown.len > 0 ? "{\"key\":\"" : "",
             SLICE_ARG(shown), shown.len > 0 ? "...\"}" : "");
    if (refusal->key == NULL) {
        snprintf(actor, sizeof(actor), "stranger");
    } else {
        snprintf(actor, sizeof(actor), "key:%llu %s", (unsigned long long)refusal->key->id,
                 refusal->key->name);
    }
    if (refusals_add(refusals, slice_from_cstr(actor), http_exchange_peer(x), endpoint->name,
                     refusal->code, slice_from_cstr(detail))) {
        uv_async_send(&worker->gateway->wake);
    }
}

/* --- who asks ----------------------------------------------------------------------------------
 */

bool exchange_caller(struct worker *worker, const struct http_exchange *x,
                     struct caller *ret_caller, struct error *error)
{
    const struct listener *listener = http_exchange_owner(x);
    const struct http_request *request = http_exchange_request(x);
    struct caller_refusal refusal;
    *ret_caller = (struct caller){.keys = worker->keys};
    if (listener->admin || admission_check(worker, request, worker->snapshot->keys_required,
                                           ret_caller, &refusal) != ADMISSION_REFUSED) {
        return true;
    }
    return error_set(error, ERROR_DENIED, refusal.code, "%s", refusal.text);
}

bool exchange_admin(struct worker *worker, const struct http_exchange *x, struct caller *ret_caller,
                    struct error *error)
{
    const struct listener *listener = http_exchange_owner(x);
    struct caller_refusal refusal;
    *ret_caller = (struct caller){.keys = worker->keys};
    return !listener->keyed ||
           admission_admin(worker, http_exchange_request(x), ret_caller, &refusal) ||
           error_set(error, ERROR_DENIED, refusal.code, "%s", refusal.text);
}
