/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/webhook.h"

#include "base/log.h"
#include "base/memory.h"
#include "net/upstream.h"

#define QUEUE_MAX 64
#define TRIES_MAX 5
#define RETRY_MS 1000
#define MESSAGE_MAX ((size_t)8 << 10)
#define LINES_MAX ((size_t)8 << 10)

struct message {
    struct buf text;
    void (*then)(void *user, uint64_t which, bool told); /* NULL: nobody wants to know */
    void *user;
    uint64_t which;
};

struct webhook {
    struct net_loop *loop;
    struct upstream *client;
    struct deadline due;
    struct message queue[QUEUE_MAX];
    size_t first;
    size_t count;
    bool ready; /* there is an address */
    bool under_way;
    bool closed;
    unsigned tries; /* of the first of the queue */
    int status;
    struct upstream_origin origin;
    struct buf path;
    struct upstream_request request;
};

static void send_first(struct webhook *webhook);

static void drop_first(struct webhook *webhook, bool told)
{
    struct message message = webhook->queue[webhook->first];
    webhook->first = (webhook->first + 1) % QUEUE_MAX;
    webhook->count--;
    webhook->tries = 0;
    buf_release(&message.text);
    if (message.then != NULL && !webhook->closed) {
        message.then(message.user, message.which, told);
    }
}

static void on_head(struct upstream_request *r, const struct http_response *head)
{
    struct webhook *webhook = r->user;
    webhook->status = head->status;
}

static void on_data(struct upstream_request *r, struct slice bytes)
{
    (void)r;
    (void)bytes; /* what it says to it is nothing to us */
}

static void failed(struct webhook *webhook, const char *why)
{
    webhook->under_way = false;
    webhook->tries++;
    if (webhook->tries >= TRIES_MAX) {
        log_event(LOG_ERROR, "webhook_failed", "caps.webhook was not told: %s (status %d)", why,
                  webhook->status);
        drop_first(webhook, false);
        send_first(webhook);
        return;
    }
    deadline_set(&webhook->due, (uint64_t)RETRY_MS << (webhook->tries - 1));
}

static void on_end(struct upstream_request *r)
{
    struct webhook *webhook = r->user;
    if (webhook->status < 200 || webhook->status > 299) {
        failed(webhook, "it answered with an error");
        return;
    }
    webhook->under_way = false;
    drop_first(webhook, true);
    send_first(webhook);
}

static void on_fail(struct upstream_request *r, enum upstream_failure failure, const char *detail)
{
    struct webhook *webhook = r->user;
    (void)detail;
    failed(webhook, upstream_failure_name(failure));
}

static const struct upstream_ops ops = {
    .on_head = on_head, .on_data = on_data, .on_end = on_end, .on_fail = on_fail};

static void send_first(struct webhook *webhook)
{
    if (webhook->under_way || webhook->closed || !webhook->ready || webhook->count == 0) {
        return;
    }
    webhook->under_way = true;
    webhook->status = 0;
    webhook->request = (struct upstream_request){
        .origin = &webhook->origin,
        .method = SLICE("POST"),
        .path = buf_slice(&webhook->path),
        .headers = SLICE("Content-Type: application/json\r\n"),
        .body = buf_slice(&webhook->queue[webhook->first].text),
        .timeouts = {.connect = 8000, .first_byte = 10000, .idle = 10000, .total = 20000},
        .body_limit = MESSAGE_MAX,
        .ops = &ops,
        .user = webhook,
    };
    upstream_send(webhook->client, &webhook->request);
}

static void on_due(struct deadline *deadline)
{
    send_first(deadline->owner);
}

struct webhook *webhook_new(struct net_loop *loop, struct error *error)
{
    struct webhook *webhook = memory_array(1, sizeof(*webhook));
    if (webhook == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        return NULL;
    }
    webhook->loop = loop;
    webhook->client = upstream_new(loop, &upstream_default_limits, error);
    if (webhook->client == NULL) {
        memory_free(webhook);
        return NULL;
    }
    buf_init(&webhook->path, LINES_MAX);
    deadline_init(&webhook->due, loop, on_due, webhook);
    return webhook;
}

/* What is under way begins anew at the new address. */
static void forget_address(struct webhook *webhook)
{
    if (webhook->under_way) {
        upstream_cancel(&webhook->request);
        webhook->under_way = false;
    }
    if (webhook->ready) {
        upstream_origin_release(&webhook->origin);
        webhook->ready = false;
    }
    buf_clear(&webhook->path);
}

void webhook_watch(struct webhook *webhook, const struct snapshot *snapshot)
{
    const struct caps_settings *caps = &snapshot->caps;
    struct buf lines = BUF_INIT(LINES_MAX);
    struct error error;
    forget_address(webhook);
    if (caps->webhook.len == 0) {
        return;
    }
    if (caps->webhook_token.len > 0) {
        buf_append(&lines, SLICE("Authorization: Bearer "));
        buf_append(&lines, caps->webhook_token);
        buf_append(&lines, SLICE("\r\n"));
    }
    buf_append(&webhook->path,
               caps->webhook_url.path.len > 0 ? caps->webhook_url.path : SLICE("/"));
    webhook->ready = !lines.failed && !webhook->path.failed &&
                     upstream_origin_init(&webhook->origin, &caps->webhook_url, buf_slice(&lines),
                                          SLICE_EMPTY, SLICE_EMPTY, &error);
    if (lines.ptr != NULL) {
        explicit_bzero(lines.ptr, lines.cap);
    }
    buf_release(&lines);
    if (!webhook->ready) {
        log_event(LOG_ERROR, "webhook_failed", "caps.webhook cannot be used");
    }
    send_first(webhook);
}

void webhook_send_then(struct webhook *webhook, struct slice json,
                       void (*then)(void *user, uint64_t which, bool told), void *user,
                       uint64_t which)
{
    if (!webhook->ready || webhook->closed) {
        if (then != NULL && !webhook->closed) {
            then(user, which, false);
        }
        return;
    }
    if (webhook->count == QUEUE_MAX) {
        if (webhook->under_way) {
            upstream_cancel(&webhook->request);
            webhook->under_way = false;
        }
        log_event(LOG_WARN, "webhook_full", "the oldest message to caps.webhook was given up");
        drop_first(webhook, false);
    }
    struct message *message = &webhook->queue[(webhook->first + webhook->count) % QUEUE_MAX];
    *message = (struct message){.then = then, .user = user, .which = which};
    buf_init(&message->text, MESSAGE_MAX);
    if (!buf_append(&message->text, json)) {
        buf_release(&message->text);
        if (then != NULL) {
            then(user, which, false);
        }
        return;
    }
    webhook->count++;
    if (webhook->tries == 0) {
        send_first(webhook);
    }
}

void webhook_send(struct webhook *webhook, struct slice json)
{
    webhook_send_then(webhook, json, NULL, NULL, 0);
}

bool webhook_is_ready(const struct webhook *webhook)
{
    return webhook->ready && !webhook->closed;
}

static void on_client_closed(void *user)
{
    (void)user;
}

void webhook_close(struct webhook *webhook)
{
    if (webhook == NULL || webhook->closed) {
        return;
    }
    webhook->closed = true;
    forget_address(webhook);
    deadline_close(&webhook->due, NULL);
    upstream_close(webhook->client, on_client_closed, NULL);
}

void webhook_free(struct webhook *webhook)
{
    if (webhook == NULL) {
        return;
    }
    while (webhook->count > 0) {
        drop_first(webhook, false);
    }
    forget_address(webhook);
    upstream_free(webhook->client);
    buf_release(&webhook->path);
    memory_free(webhook);
}
