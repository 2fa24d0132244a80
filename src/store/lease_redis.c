/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* pthread_setname_np */
#include "store/lease_redis.h"

#include "base/bell.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/lease_redis_script.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define BATCH 64
#define KEYS 4 /* before those of meters */
#define HEAD 7 /* arguments before those of meters */
#define NAME_SIZE (SCOPE_NAME_SIZE + 64)
#define KEY_SIZE (NAME_SIZE + 80)
#define NUMBER_SIZE 24
#define REVOKED_MAX 1024
#define LEAVE_NS NS_PER_S
#define REVOKED_KEPT_MS "604800000" /* a week */

/* The words of one exchange. */
struct words {
    struct slice words[3 + KEYS + BATCH + HEAD + BATCH * LEASE_REDIS_FIELDS];
    size_t count;
    char names[BATCH][NAME_SIZE];
    char keys[BATCH][KEY_SIZE];
    char numbers[BATCH][LEASE_REDIS_FIELDS - 1][NUMBER_SIZE];
};

enum { KEY_NODES, KEY_BEGAN, KEY_SESSIONS, KEY_REVOKED };

struct lease_redis {
    struct lease_redis_options options; /* texts: copies below */
    char node[64];
    char prefix[64];
    char channel[96];
    char keys[KEYS][96];
    struct redis *asking;
    struct redis *hearing;
    struct redis_script join, leave, exchange, revoke;
    pthread_t thread;
    bool started;
    int stop_fd;
    int wake_fd;
    atomic_bool stopping;
    /* the thread's */
    uint64_t joined; /* the connection that joined; 0: none */
    uint64_t heard;  /* the connection of `hearing` that was looked after */
    char session[NUMBER_SIZE];
    enum lease_mode mode;
    unsigned mode_nodes;
    unsigned known_nodes; /* alive when it granted last */
    bool mode_set;
    int64_t beat_ns;
    struct words words;
    struct lease_ask asks[BATCH];
    struct lease_answer answers[BATCH];
    /* any thread's, under the lock */
    pthread_mutex_t lock;
    struct lease_redis_stats stats;
    uint64_t revoked[REVOKED_MAX]; /* to be said */
    size_t revoked_count;
};

static int64_t now_ns(void)
{
    return clock_monotonic(&clock_system);
}

static void wanted(void *user, enum lease_authority authority)
{
    struct lease_redis *lease = user;
    if (authority == LEASE_RATES) {
        bell_ring(lease->wake_fd);
    }
}

static void moved(void *user)
{
    struct lease_redis *lease = user;
    if (lease->options.moved != NULL) {
        lease->options.moved(lease->options.user);
    }
}

/* --- how it goes on without --- */

/* The most that anybody says: a part that is too small does no harm. 0: nobody has ever said. */
static unsigned count_nodes(struct lease_redis *lease)
{
    const struct lease_redis_options *options = &lease->options;
    unsigned told = options->nodes == NULL ? 0 : options->nodes(options->user);
    pthread_mutex_lock(&lease->lock);
    unsigned nodes = lease->stats.nodes;
    pthread_mutex_unlock(&lease->lock);
    nodes = lease->known_nodes > nodes ? lease->known_nodes : nodes;
    return told > nodes ? told : nodes;
}

static void set_leasing(struct lease_redis *lease, bool leasing)
{
    pthread_mutex_lock(&lease->lock);
    lease->stats.leasing = leasing;
    if (leasing) { /* all of them have joined */
        lease->known_nodes = lease->stats.nodes;
    }
    pthread_mutex_unlock(&lease->lock);
}

static void set_mode(struct lease_redis *lease, bool grants)
{
    unsigned nodes = count_nodes(lease);
    enum lease_mode away = lease->options.allows_away ? LEASE_ALLOWS
                           : nodes == 0               ? LEASE_DENIES
                                                      : LEASE_SHARES;
    enum lease_mode mode = grants ? LEASE_GRANTS : away;
    if (lease->mode_set && mode == lease->mode && nodes == lease->mode_nodes) {
        return;
    }
    bool began = grants && (!lease->mode_set || lease->mode != LEASE_GRANTS);
    lease->mode_set = true;
    lease->mode = mode;
    lease->mode_nodes = nodes;
    budget_lease_mode(lease->options.budget, LEASE_RATES, mode, nodes);
    if (began) {
        budget_lease_retry(lease->options.budget, LEASE_RATES, NULL);
    }
}

/* --- words --- */

static void add(struct words *words, struct slice word)
{
    CHECK(words->count < ARRAY_LEN(words->words));
    words->words[words->count++] = word;
}

static void begin_words(struct lease_redis *lease)
{
    struct words *words = &lease->words;
    words->count = 3;
    for (size_t i = 0; i < KEYS; i++) {
        add(words, slice_from_cstr(lease->keys[i]));
    }
}

static struct slice number_text(char text[NUMBER_SIZE], int64_t value)
{
    if (value < 0) {
        value = 0;
    }
    if (value > LEASE_REDIS_MOST) {
        value = LEASE_REDIS_MOST;
    }
    snprintf(text, NUMBER_SIZE, "%" PRId64, value);
    return slice_from_cstr(text);
}

/* "WHAT KIND SCOPE MODEL", in keys and in messages. */
static void meter_name(const struct lease_meter *meter, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%d %d %" PRIu64 " %s", (int)meter->what, (int)meter->kind,
             meter->scope, meter->model);
}

static bool meter_read(struct slice name, struct lease_meter *ret_meter)
{
    uint64_t what = 0;
    uint64_t kind = 0;
    *ret_meter = (struct lease_meter){.kind = SCOPE_KEY};
    bool fine = slice_to_u64(slice_cut(&name, ' '), &what) &&
                slice_to_u64(slice_cut(&name, ' '), &kind) &&
                slice_to_u64(slice_cut(&name, ' '), &ret_meter->scope);
    if (!fine || what < LEASE_REQUESTS || what >= LEASE_WHATS || kind >= SCOPE_KINDS ||
        name.len >= SCOPE_NAME_SIZE) {
        return false;
    }
    ret_meter->what = (enum lease_what)what;
    ret_meter->kind = (enum scope_kind)kind;
    slice_to_cstr(name, ret_meter->model, SCOPE_NAME_SIZE);
    return true;
}

static void add_ask(struct words *words, size_t i, const struct lease_ask *ask)
{
    const int64_t values[LEASE_REDIS_FIELDS - 1] = {
        ask->meter.what != LEASE_PARALLEL,
        ask->generation > INT64_MAX ? INT64_MAX : (int64_t)ask->generation,
        ask->limit,
        ask->spent,
        ask->room,
        ask->held,
        ask->recent,
        ask->need_least,
        ask->need_all,
        ask->want,
    };
    add(words, slice_from_cstr(words->names[i]));
    for (size_t v = 0; v < ARRAY_LEN(values); v++) {
        add(words, number_text(words->numbers[i][v], values[v]));
    }
}

/* --- one exchange --- */

static bool read_answer(const struct redisReply *reply, struct lease_answer *ret_answer)
{
    *ret_answer = (struct lease_answer){
        .spent = redis_integer(redis_at(reply, 0)),
        .room = redis_integer(redis_at(reply, 1)),
        .elsewhere = redis_integer(redis_at(reply, 2)),
        .elsewhere_spent = redis_integer(redis_at(reply, 3)),
        .limit = redis_integer(redis_at(reply, 4)),
        .exhausted = redis_integer(redis_at(reply, 5)) != 0,
    };
    return redis_count(reply) == 6 && ret_answer->spent >= 0 && ret_answer->room >= 0;
}

static bool read_answers(struct lease_redis *lease, const struct redisReply *reply, size_t count)
{
    const struct redisReply *list = redis_at(reply, 2);
    bool fine = redis_count(list) == count;
    for (size_t i = 0; fine && i < count; i++) {
        fine = read_answer(redis_at(list, i), &lease->answers[i]);
    }
    return fine;
}

static void note_exchange(struct lease_redis *lease, int64_t began_ns, bool done, int64_t nodes)
{
    pthread_mutex_lock(&lease->lock);
    struct lease_redis_stats *stats = &lease->stats;
    stats->exchanges++;
    stats->failures += !done;
    stats->exchange_ns += now_ns() - began_ns;
    stats->connected = redis_is_connected(lease->asking);
    stats->connections = redis_connections(lease->asking);
    if (done && nodes > 0 && nodes < UINT16_MAX) {
        stats->nodes = (unsigned)nodes;
    }
    pthread_mutex_unlock(&lease->lock);
}

static struct redisReply *say(struct lease_redis *lease, size_t count, struct error *error)
{
    struct words *words = &lease->words;
    char life[NUMBER_SIZE];
    char grace[NUMBER_SIZE];
    char fields[NUMBER_SIZE];
    begin_words(lease);
    for (size_t i = 0; i < count; i++) {
        meter_name(&lease->asks[i].meter, words->names[i]);
        snprintf(words->keys[i], KEY_SIZE, "{%s}:m:%s", lease->prefix, words->names[i]);
        add(words, slice_from_cstr(words->keys[i]));
    }
    add(words, slice_from_cstr(lease->node));
    add(words, slice_from_cstr(lease->session));
    add(words, number_text(life, lease->options.life_ms));
    add(words, number_text(grace, lease->options.grace_ms));
    add(words, slice_from_cstr(lease->channel));
    add(words, number_text(fields, LEASE_REDIS_FIELDS));
    for (size_t i = 0; i < count; i++) {
        add_ask(words, i, &lease->asks[i]);
    }
    return redis_run(lease->asking, &lease->exchange, words->words, words->count, KEYS + count,
                     error);
}

/* While Redis grants nothing yet the node takes its part; but in the end of that time it takes
 * nothing, and tells what it took, before any other is granted what that leaves. */
static void heed_grace(struct lease_redis *lease, int64_t began_ns, int64_t left_ms)
{
    int64_t end_ns = began_ns + (left_ms - lease->options.grace_ms / 4) * NS_PER_MS;
    bool grants = left_ms <= 0 || now_ns() >= end_ns;
    bool ends = grants && left_ms > 0 && lease->mode != LEASE_GRANTS;
    if (!grants && end_ns < lease->beat_ns) {
        lease->beat_ns = end_ns;
    }
    set_mode(lease, grants);
    set_leasing(lease, left_ms <= 0);
    if (ends) {
        budget_lease_assert(lease->options.budget, LEASE_RATES);
    }
}

/* Tells of the first `count` asks; none: a sign of life. False: not leasing any more. */
static bool exchange(struct lease_redis *lease, size_t count)
{
    struct error error;
    int64_t began_ns = now_ns();
    struct redisReply *reply = say(lease, count, &error);
    bool known = redis_count(reply) == 3;
    bool done = known && read_answers(lease, reply, count);
    note_exchange(lease, began_ns, done, redis_integer(redis_at(reply, 0)));
    if (done) {
        budget_lease_apply(lease->options.budget, lease->asks, lease->answers, count);
    } else {
        budget_lease_failed(lease->options.budget, lease->asks, count);
        lease->joined = 0;
        set_mode(lease, false);
        set_leasing(lease, false);
        if (known) {
            redis_drop(lease->asking, "its script answers nonsense");
        } else if (reply == NULL && redis_is_connected(lease->asking)) {
            redis_drop(lease->asking, error.text); /* a pause before the next try */
        }
    }
    lease->beat_ns = now_ns() + lease->options.beat_ms * NS_PER_MS;
    if (done) {
        heed_grace(lease, began_ns, redis_integer(redis_at(reply, 1)));
    }
    freeReplyObject(reply);
    return done;
}

/* --- joining --- */

static void hear_revoked(struct lease_redis *lease, struct slice text)
{
    uint64_t key = 0;
    if (!slice_to_u64(text, &key) || lease->options.revoked == NULL) {
        return;
    }
    pthread_mutex_lock(&lease->lock);
    lease->stats.revoked_heard++;
    pthread_mutex_unlock(&lease->lock);
    lease->options.revoked(lease->options.user, key);
}

/* A connection joins once. True: it has. */
static bool join(struct lease_redis *lease)
{
    struct error error;
    char grace[NUMBER_SIZE];
    if (!redis_connect(lease->asking, &error)) {
        return false;
    }
    if (lease->joined == redis_connections(lease->asking)) {
        return true;
    }
    begin_words(lease);
    add(&lease->words, slice_from_cstr(lease->node));
    add(&lease->words, number_text(grace, lease->options.grace_ms));
    add(&lease->words, SLICE(REVOKED_KEPT_MS));
    struct redisReply *reply = redis_run(lease->asking, &lease->join, lease->words.words,
                                         lease->words.count, KEYS, &error);
    if (redis_count(reply) != 3) {
        redis_drop(lease->asking, reply == NULL ? error.text : "its script answers nonsense");
        freeReplyObject(reply);
        return false;
    }
    number_text(lease->session, redis_integer(redis_at(reply, 0)));
    lease->joined = redis_connections(lease->asking);
    const struct redisReply *revoked = redis_at(reply, 2);
    for (size_t i = 0; i < redis_count(revoked); i++) {
        hear_revoked(lease, redis_text(redis_at(revoked, i)));
    }
    freeReplyObject(reply);
    budget_lease_assert(lease->options.budget, LEASE_RATES);
    return exchange(lease, 0);
}

static void give_back(struct lease_ask *asks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        asks[i].room = asks[i].held;
        asks[i].need_least = asks[i].need_all = asks[i].want = 0;
    }
}

/* Tells what was spent to the end, for a while at most: who leaves without it has spent all that it
 * had. */
static void leave(struct lease_redis *lease)
{
    struct error error;
    int64_t until_ns = now_ns() + LEAVE_NS;
    size_t count = 0;
    if (lease->joined == 0 || !redis_is_connected(lease->asking)) {
        return;
    }
    budget_lease_assert(lease->options.budget, LEASE_RATES);
    do {
        count = budget_lease_collect(lease->options.budget, LEASE_RATES, lease->asks, BATCH);
        give_back(lease->asks, count);
    } while (count > 0 && exchange(lease, count) && now_ns() < until_ns);
    if (lease->joined == 0 || !budget_lease_asserted(lease->options.budget, LEASE_RATES)) {
        return;
    }
    begin_words(lease);
    add(&lease->words, slice_from_cstr(lease->node));
    add(&lease->words, slice_from_cstr(lease->session));
    freeReplyObject(redis_run(lease->asking, &lease->leave, lease->words.words, lease->words.count,
                              KEYS, &error));
}

/* --- revoked keys --- */

static bool next_revoked(struct lease_redis *lease, uint64_t *ret_key)
{
    pthread_mutex_lock(&lease->lock);
    bool any = lease->revoked_count > 0;
    if (any) {
        *ret_key = lease->revoked[lease->revoked_count - 1];
    }
    pthread_mutex_unlock(&lease->lock);
    return any;
}

static void said_revoked(struct lease_redis *lease, uint64_t key)
{
    pthread_mutex_lock(&lease->lock);
    for (size_t i = 0; i < lease->revoked_count; i++) {
        if (lease->revoked[i] == key) {
            lease->revoked[i] = lease->revoked[--lease->revoked_count];
            lease->stats.revoked_said++;
            break;
        }
    }
    pthread_mutex_unlock(&lease->lock);
}

static void say_revoked(struct lease_redis *lease)
{
    uint64_t key = 0;
    char text[NUMBER_SIZE];
    struct error error;
    while (lease->joined != 0 && next_revoked(lease, &key)) {
        begin_words(lease);
        add(&lease->words, slice_from_cstr(lease->channel));
        snprintf(text, sizeof(text), "%" PRIu64, key);
        add(&lease->words, slice_from_cstr(text));
        struct redisReply *reply = redis_run(lease->asking, &lease->revoke, lease->words.words,
                                             lease->words.count, KEYS, &error);
        if (reply == NULL) {
            return; /* it stays to be said */
        }
        freeReplyObject(reply);
        said_revoked(lease, key);
    }
}

void lease_redis_revoke(struct lease_redis *lease, uint64_t key)
{
    pthread_mutex_lock(&lease->lock);
    if (lease->revoked_count < REVOKED_MAX) {
        lease->revoked[lease->revoked_count++] = key;
    }
    pthread_mutex_unlock(&lease->lock);
    bell_ring(lease->wake_fd);
}

/* --- listening --- */

/* "recall NODE METER", "back NODE METER", "revoked KEY"; our own words come back to us, too. */
static void hear(struct lease_redis *lease, struct slice text)
{
    struct lease_meter meter;
    struct slice word = slice_cut(&text, ' ');
    if (slice_eq(word, SLICE("revoked"))) {
        hear_revoked(lease, text);
        return;
    }
    struct slice node = slice_cut(&text, ' ');
    if (slice_eq(node, slice_from_cstr(lease->node)) || !meter_read(text, &meter)) {
        return;
    }
    if (slice_eq(word, SLICE("recall"))) {
        pthread_mutex_lock(&lease->lock);
        lease->stats.recalls++;
        pthread_mutex_unlock(&lease->lock);
        budget_lease_recall(lease->options.budget, &meter);
    } else if (slice_eq(word, SLICE("back"))) {
        budget_lease_retry(lease->options.budget, LEASE_RATES, &meter);
    }
}

static void listen_to(struct lease_redis *lease)
{
    struct error error;
    struct redis_message message;
    if (!redis_connect(lease->hearing, &error)) {
        return;
    }
    while (redis_next(lease->hearing, &message)) {
        hear(lease, message.text);
        freeReplyObject(message.reply);
    }
    redis_tend(lease->hearing);
    if (redis_is_connected(lease->hearing) && lease->heard != redis_connections(lease->hearing)) {
        lease->heard = redis_connections(lease->hearing);
        lease->joined = 0; /* joins again: to hear of the keys revoked in the meantime */
    }
}

/* --- the thread --- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long nothing is to be done, in ms. */
static int idle_ms(struct lease_redis *lease)
{
    int64_t now = now_ns();
    int64_t at = now + lease->options.beat_ms * NS_PER_MS;
    if (lease->joined != 0) {
        at = sooner(at, lease->beat_ns);
        at = sooner(at, budget_lease_due(lease->options.budget, LEASE_RATES));
    } else {
        at = sooner(at, now + redis_retry_in_ms(lease->asking) * NS_PER_MS);
    }
    at = sooner(at, now + lease->options.redis.deadline_ms * NS_PER_MS); /* redis_tend() */
    if (!redis_is_connected(lease->hearing)) {
        at = sooner(at, now + redis_retry_in_ms(lease->hearing) * NS_PER_MS);
    }
    return at <= now ? 0 : (int)((at - now) / NS_PER_MS) + 1;
}

static void wait_idle(struct lease_redis *lease)
{
    struct redis_message message;
    struct pollfd fds[] = {
        {.fd = lease->wake_fd, .events = POLLIN},
        {.fd = lease->stop_fd, .events = POLLIN},
        {.fd = redis_fd(lease->hearing), .events = POLLIN},
        {.fd = redis_fd(lease->asking), .events = POLLIN},
    };
    if (poll(fds, ARRAY_LEN(fds), idle_ms(lease)) <= 0) {
        return;
    }
    (void)bell_take(lease->wake_fd);
    if (fds[3].revents != 0 && redis_next(lease->asking, &message)) {
        freeReplyObject(message.reply); /* unasked: nothing to us; a lost connection is noticed */
    }
}

static void exchange_all(struct lease_redis *lease)
{
    size_t count = 0;
    do {
        count = budget_lease_collect(lease->options.budget, LEASE_RATES, lease->asks, BATCH);
        if (count == 0 && now_ns() < lease->beat_ns) {
            break;
        }
    } while (exchange(lease, count) && count == BATCH && !atomic_load(&lease->stopping));
}

static void *run(void *user)
{
    struct lease_redis *lease = user;
    pthread_setname_np(pthread_self(), "lease-redis");
    while (!atomic_load(&lease->stopping)) {
        listen_to(lease);
        if (join(lease)) {
            say_revoked(lease);
            exchange_all(lease);
        }
        if (!redis_is_connected(lease->asking)) {
            lease->joined = 0;
            pthread_mutex_lock(&lease->lock);
            lease->stats.connected = lease->stats.leasing = false;
            pthread_mutex_unlock(&lease->lock);
            set_mode(lease, false);
        }
        wait_idle(lease);
    }
    return NULL;
}

/* --- the start and the end --- */

static bool open_connections(struct lease_redis *lease)
{
    struct redis_options options = lease->options.redis;
    struct slice channel = slice_from_cstr(lease->channel);
    options.stop_fd = lease->stop_fd;
    lease->asking = redis_new(&options);
    lease->hearing = redis_new(&options);
    if (lease->asking == NULL || lease->hearing == NULL) {
        return false;
    }
    redis_listen_to(lease->hearing, &channel, 1);
    return true;
}

static void name_things(struct lease_redis *lease)
{
    static const char *const names[KEYS] = {
        [KEY_NODES] = "nodes",
        [KEY_BEGAN] = "began",
        [KEY_SESSIONS] = "sessions",
        [KEY_REVOKED] = "revoked",
    };
    slice_to_cstr(lease->options.node, lease->node, sizeof(lease->node));
    slice_to_cstr(lease->options.prefix, lease->prefix, sizeof(lease->prefix));
    snprintf(lease->channel, sizeof(lease->channel), "{%s}:news", lease->prefix);
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(lease->keys[i], sizeof(lease->keys[i]), "{%s}:%s", lease->prefix, names[i]);
    }
    lease->join.text = SLICE(LEASE_REDIS_JOIN);
    lease->leave.text = SLICE(LEASE_REDIS_LEAVE);
    lease->revoke.text = SLICE(LEASE_REDIS_REVOKE);
    lease->exchange.text = SLICE(LEASE_REDIS_EXCHANGE);
}

void lease_redis_free(struct lease_redis *lease)
{
    if (lease == NULL) {
        return;
    }
    redis_free(lease->asking);
    redis_free(lease->hearing);
    bell_close(lease->stop_fd);
    bell_close(lease->wake_fd);
    pthread_mutex_destroy(&lease->lock);
    memory_free(lease);
}

static int64_t or_usual(int64_t wanted_ms, int64_t usual_ms)
{
    return wanted_ms > 0 ? wanted_ms : usual_ms;
}

struct lease_redis *lease_redis_new(const struct lease_redis_options *options, struct error *error)
{
    struct lease_redis *lease = memory_array(1, sizeof(*lease));
    if (lease == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        return NULL;
    }
    lease->options = *options;
    lease->options.life_ms = or_usual(options->life_ms, LEASE_REDIS_LIFE_MS);
    lease->options.grace_ms = or_usual(options->grace_ms, LEASE_REDIS_GRACE_MS);
    lease->options.beat_ms = or_usual(options->beat_ms, LEASE_REDIS_BEAT_MS);
    pthread_mutex_init(&lease->lock, NULL);
    name_things(lease);
    lease->stop_fd = bell_open();
    lease->wake_fd = bell_open();
    struct lease_options leases = {
        .wait_ns = options->wait_ns, .wanted = wanted, .moved = moved, .user = lease};
    if (lease->stop_fd < 0 || lease->wake_fd < 0 || !open_connections(lease) ||
        !budget_lease_enable(options->budget, LEASE_RATES, &leases)) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        lease_redis_free(lease);
        return NULL;
    }
    return lease;
}

bool lease_redis_start(struct lease_redis *lease, struct error *error)
{
    lease->started = pthread_create(&lease->thread, NULL, run, lease) == 0;
    return lease->started ||
           error_set(error, ERROR_ENVIRONMENT, "no_thread", "no thread for Redis can be started");
}

void lease_redis_stop(struct lease_redis *lease)
{
    if (lease == NULL || !lease->started) {
        return;
    }
    atomic_store(&lease->stopping, true);
    bell_ring(lease->stop_fd);
    pthread_join(lease->thread, NULL);
    lease->started = false;
    if (bell_take(lease->stop_fd)) {
        leave(lease);
    }
}

void lease_redis_stats_read(struct lease_redis *lease, struct lease_redis_stats *ret_stats)
{
    pthread_mutex_lock(&lease->lock);
    *ret_stats = lease->stats;
    pthread_mutex_unlock(&lease->lock);
}
