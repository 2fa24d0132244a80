/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/alert_share.h"

#include "base/log.h"
#include "base/memory.h"

#include <stdio.h>

#define KEPT_MAX 64
#define JSON_MAX 4096
#define LOOK_MS 5000  /* whether the other node has told it */
#define RETRY_MS 1000 /* of a question that PostgreSQL did not answer */
#define TRIES_MAX 3

enum stage {
    STAGE_CLAIM, /* whose it is has to be asked, */
    STAGE_SEND,  /* it is with the webhook, */
    STAGE_SAY,   /* and the others have to hear that it was told */
};

struct kept {
    bool used;
    enum stage stage;
    uint64_t serial; /* the smallest is the oldest */
    unsigned tries;  /* in vain */
    int64_t due_ns;  /* monotonic: not before */
    int64_t again_s; /* see alert_claim() */
    char name[ALERT_NAME_SIZE];
    struct buf json;
};

struct alert_share {
    struct alert_claims *claims;
    struct net_loop *loop;
    struct webhook *webhook;
    struct deadline due;
    uint64_t serial;
    bool closed;
    struct kept kept[KEPT_MAX];
    /* The question under way: of the pool until it is done. */
    uv_work_t work;
    struct kept *asked; /* NULL: none is */
    enum stage question;
    char name[ALERT_NAME_SIZE];
    int64_t again_s;
    enum alert_claim claim;
    bool done;
    struct error error;
};

static void go_on(struct alert_share *share);

/* --- what an alert is called on all nodes --- */

/* A refusal is told once for each period, whatever is spent then. */
static void name_alert(const struct budget_alert *alert, char name[ALERT_NAME_SIZE])
{
    snprintf(name, ALERT_NAME_SIZE, "cap %d:%llu %d:%lld %lld%s %lld %u %s", (int)alert->kind,
             (unsigned long long)alert->scope, (int)alert->cap.period,
             (long long)alert->cap.window_s, (long long)alert->cap.amount_nd,
             alert->cap.soft ? " soft" : "", (long long)alert->period_s,
             alert->refused ? 0 : alert->percent, alert->model);
}

/* --- the list --- */

static void drop(struct kept *kept)
{
    buf_release(&kept->json);
    kept->used = false;
}

static struct kept *oldest(struct alert_share *share, int64_t now_ns)
{
    struct kept *found = NULL;
    for (size_t i = 0; i < KEPT_MAX; i++) {
        struct kept *kept = &share->kept[i];
        if (kept->used && kept->stage != STAGE_SEND && kept->due_ns <= now_ns &&
            (found == NULL || kept->serial < found->serial)) {
            found = kept;
        }
    }
    return found;
}

static struct kept *find_room(struct alert_share *share)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (!share->kept[i].used) {
            return &share->kept[i];
        }
    }
    return NULL;
}

static void wait_for(struct kept *kept, const struct alert_share *share, int64_t ms)
{
    kept->due_ns = clock_monotonic(share->loop->clock) + ms * NS_PER_MS;
}

/* --- sending it --- */

static void on_sent(void *user, uint64_t which, bool told)
{
    struct alert_share *share = user;
    for (size_t i = 0; i < KEPT_MAX; i++) {
        struct kept *kept = &share->kept[i];
        if (kept->used && kept->serial == which && kept->stage == STAGE_SEND) {
            kept->stage = STAGE_SAY;
            kept->tries = 0;
            kept->due_ns = 0;
            if (!told) {
                drop(kept); /* another node will take it */
            }
        }
    }
    go_on(share);
}

static void send_kept(struct alert_share *share, struct kept *kept)
{
    kept->stage = STAGE_SEND;
    webhook_send_then(share->webhook, buf_slice(&kept->json), on_sent, share, kept->serial);
}

/* --- asking --- */

static void work(uv_work_t *uv)
{
    struct alert_share *share = CONTAINER_OF(uv, struct alert_share, work);
    struct slice name = slice_from_cstr(share->name);
    share->done = share->question == STAGE_SAY ? alert_told(share->claims, name, &share->error)
                                               : alert_claim(share->claims, name, share->again_s,
                                                             &share->claim, &share->error);
}

static void answered(struct alert_share *share, struct kept *kept)
{
    kept->tries = 0;
    if (share->question == STAGE_SAY || share->claim == ALERT_TOLD) {
        drop(kept);
    } else if (share->claim == ALERT_MINE) {
        send_kept(share, kept);
    } else {
        wait_for(kept, share, LOOK_MS);
    }
}

static void not_answered(struct alert_share *share, struct kept *kept)
{
    kept->tries++;
    if (kept->tries < TRIES_MAX) {
        wait_for(kept, share, RETRY_MS);
    } else if (share->question == STAGE_SAY) {
        drop(kept);
    } else {
        log_event(LOG_WARN, "alert_unshared",
                  "a cap's alert is sent without asking the other nodes: %s", share->error.text);
        kept->serial = ++share->serial;
        webhook_send(share->webhook, buf_slice(&kept->json));
        drop(kept);
    }
}

static void on_done(uv_work_t *uv, int status)
{
    struct alert_share *share = CONTAINER_OF(uv, struct alert_share, work);
    struct kept *kept = share->asked;
    (void)status;
    share->asked = NULL;
    if (share->closed) {
        return;
    }
    if (share->done) {
        answered(share, kept);
    } else {
        not_answered(share, kept);
    }
    go_on(share);
}

static void set_deadline(struct alert_share *share, int64_t now_ns)
{
    int64_t next_ns = INT64_MAX;
    for (size_t i = 0; i < KEPT_MAX; i++) {
        const struct kept *kept = &share->kept[i];
        if (kept->used && kept->stage != STAGE_SEND && kept->due_ns < next_ns) {
            next_ns = kept->due_ns;
        }
    }
    if (next_ns != INT64_MAX) {
        deadline_set(&share->due, (uint64_t)((next_ns - now_ns) / NS_PER_MS) + 1);
    }
}

static void go_on(struct alert_share *share)
{
    int64_t now_ns = clock_monotonic(share->loop->clock);
    if (share->asked != NULL || share->closed) {
        return;
    }
    struct kept *kept = oldest(share, now_ns);
    if (kept == NULL) {
        set_deadline(share, now_ns);
        return;
    }
    share->asked = kept;
    share->question = kept->stage;
    share->again_s = kept->again_s;
    memcpy(share->name, kept->name, sizeof(share->name));
    uv_queue_work(&share->loop->uv, &share->work, work, on_done);
}

static void on_due(struct deadline *deadline)
{
    go_on(deadline->owner);
}

/* --- from outside --- */

struct alert_share *alert_share_new(struct cluster_member *member, struct net_loop *loop,
                                    struct webhook *webhook, struct error *error)
{
    struct alert_share *share = memory_array(1, sizeof(*share));
    if (share == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        return NULL;
    }
    share->claims = alert_claims_new(member, error);
    if (share->claims == NULL) {
        memory_free(share);
        return NULL;
    }
    share->loop = loop;
    share->webhook = webhook;
    deadline_init(&share->due, loop, on_due, share);
    return share;
}

void alert_share_send(struct alert_share *share, const struct budget_alert *alert,
                      struct slice json)
{
    struct kept *kept = find_room(share);
    if (!webhook_is_ready(share->webhook) || share->closed) {
        return;
    }
    if (kept == NULL) { /* nobody answers: better twice than never */
        webhook_send(share->webhook, json);
        return;
    }
    *kept = (struct kept){.used = true, .stage = STAGE_CLAIM, .serial = ++share->serial};
    /* What the window has of before is gone when it is told of again. */
    kept->again_s = alert->cap.period == CAP_ROLLING ? alert->cap.window_s / 4 + 1 : 0;
    name_alert(alert, kept->name);
    buf_init(&kept->json, JSON_MAX);
    if (!buf_append(&kept->json, json)) {
        drop(kept);
        return;
    }
    go_on(share);
}

void alert_share_close(struct alert_share *share)
{
    if (share != NULL && !share->closed) {
        share->closed = true;
        alert_claims_stop(share->claims);
        deadline_close(&share->due, NULL);
    }
}

void alert_share_free(struct alert_share *share)
{
    if (share == NULL) {
        return;
    }
    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (share->kept[i].used) {
            drop(&share->kept[i]);
        }
    }
    alert_claims_free(share->claims);
    memory_free(share);
}
