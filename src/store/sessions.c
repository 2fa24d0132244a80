/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of a few places: a key has its set, and within it any place. So memory is what was asked for
 * at the start (and touched only as far as it is used), nothing moves, and a probe reads one set.
 * Sets share locks. What changed is also in a queue for the database; an entry stands in it once.
 */
#include "store/sessions_table.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/random.h"

#define MOST_DEFAULT 65536u
#define TEXT_VERSION 2u
#define TEXT_VERSION_OLD 1u /* knew nothing of other targets */

bool session_set_target(struct session *session, struct slice name)
{
    session->target_len = 0;
    if (name.len > SESSION_TARGET_MAX) {
        return false;
    }
    memcpy(session->target, name.ptr, name.len);
    session->target_len = (uint8_t)name.len;
    return true;
}

void session_leave(struct session *session, struct slice name)
{
    struct session_other kept[SESSION_OTHERS + 1];
    struct slice old = session_target(session);
    uint64_t to = hash_stable(name);
    size_t count = 0;
    if (old.len > 0 && session->warm_tokens > 0 && !slice_eq(old, name)) {
        kept[count++] =
            (struct session_other){hash_stable(old), session->warm_tokens, session->warm_until_ns};
    }
    for (size_t i = 0; i < SESSION_OTHERS && session->others[i].name != 0; i++) {
        if (session->others[i].name != to &&
            (count == 0 || session->others[i].name != kept[0].name)) {
            kept[count++] = session->others[i];
        }
    }
    for (size_t i = 0; i < SESSION_OTHERS; i++) {
        session->others[i] = i < count ? kept[i] : (struct session_other){.name = 0};
    }
}

static bool locks_init(struct sessions *sessions)
{
    size_t made = 0;
    while (made < SESSIONS_LOCKS && pthread_mutex_init(&sessions->locks[made], NULL) == 0) {
        made++;
    }
    if (made == SESSIONS_LOCKS && pthread_mutex_init(&sessions->queue_lock, NULL) == 0) {
        return true;
    }
    while (made > 0) {
        pthread_mutex_destroy(&sessions->locks[--made]);
    }
    return false;
}

static void set_secret(struct sessions *sessions, const uint64_t secret[2])
{
    atomic_store_explicit(&sessions->secret[0], secret[0], memory_order_relaxed);
    atomic_store_explicit(&sessions->secret[1], secret[1], memory_order_relaxed);
}

void sessions_share(struct sessions *sessions, struct slice name)
{
    const uint64_t one[2] = {1, 1};
    const uint64_t two[2] = {2, 2};
    const uint64_t secret[2] = {hash_siphash13(one, name), hash_siphash13(two, name)};
    set_secret(sessions, secret);
}

struct sessions *sessions_new(size_t most)
{
    size_t sets = 1;
    most = most == 0 ? MOST_DEFAULT : most;
    while (sets * SESSIONS_WAYS < most) {
        sets *= 2;
    }
    struct sessions *sessions = memory_array(1, sizeof(*sessions));
    struct session *entries = memory_array(sets * SESSIONS_WAYS, sizeof(*entries));
    if (sessions == NULL || entries == NULL || !locks_init(sessions)) {
        memory_free(entries);
        memory_free(sessions);
        return NULL;
    }
    sessions->entries = entries;
    sessions->sets = sets;
    uint64_t secret[2];
    random_secure(secret, sizeof(secret));
    set_secret(sessions, secret);
    return sessions;
}

void sessions_free(struct sessions *sessions)
{
    if (sessions == NULL) {
        return;
    }
    for (size_t i = 0; i < SESSIONS_LOCKS; i++) {
        pthread_mutex_destroy(&sessions->locks[i]);
    }
    pthread_mutex_destroy(&sessions->queue_lock);
    memory_free(sessions->entries);
    memory_free(sessions);
}

uint64_t sessions_hash(const struct sessions *sessions, struct slice bytes)
{
    const uint64_t secret[2] = {atomic_load_explicit(&sessions->secret[0], memory_order_relaxed),
                                atomic_load_explicit(&sessions->secret[1], memory_order_relaxed)};
    uint64_t hash = hash_siphash13(secret, bytes);
    return hash == 0 ? 1 : hash;
}

/* --- places --- */

static struct session *set_of(struct sessions *sessions, uint64_t key)
{
    return &sessions->entries[(key & (sessions->sets - 1)) * SESSIONS_WAYS];
}

static pthread_mutex_t *lock_of(struct sessions *sessions, uint64_t key)
{
    return &sessions->locks[key & (sessions->sets - 1) & (SESSIONS_LOCKS - 1)];
}

static struct session *find(struct session *set, uint64_t key)
{
    for (size_t i = 0; i < SESSIONS_WAYS; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
    }
    return NULL;
}

/* Nobody's count as one owner's. */
static unsigned places_of(const struct session *set, uint64_t owner)
{
    unsigned count = 0;
    for (size_t i = 0; i < SESSIONS_WAYS; i++) {
        count += set[i].owner == owner;
    }
    return count;
}

/* An empty place, else one whose time is over, else NULL. */
static struct session *place_free(struct session *set, int64_t now_ns)
{
    struct session *over = NULL;
    for (size_t i = 0; i < SESSIONS_WAYS; i++) {
        if (set[i].key == 0) {
            return &set[i];
        }
        over = set[i].expires_ns <= now_ns ? &set[i] : over;
    }
    return over;
}

/* A free place, else the one that was not used for longest, of the owner with most of them: no
 * key pushes others' conversations out by having more of its own. */
static struct session *place_for(struct session *set, uint64_t owner, int64_t now_ns)
{
    unsigned shares[SESSIONS_WAYS];
    unsigned most = 1;
    struct session *oldest = place_free(set, now_ns);
    if (oldest != NULL) {
        return oldest;
    }
    for (size_t i = 0; i < SESSIONS_WAYS; i++) {
        shares[i] = places_of(set, set[i].owner);
        most = shares[i] > most ? shares[i] : most;
    }
    bool own = places_of(set, owner) >= most;
    for (size_t i = 0; i < SESSIONS_WAYS; i++) {
        bool may = own ? set[i].owner == owner : shares[i] == most;
        oldest = may && (oldest == NULL || set[i].used_ns < oldest->used_ns) ? &set[i] : oldest;
    }
    return oldest;
}

bool sessions_get(struct sessions *sessions, uint64_t key, uint64_t owner, int64_t now_ns,
                  struct session *ret_session)
{
    pthread_mutex_t *lock = lock_of(sessions, key);
    pthread_mutex_lock(lock);
    const struct session *entry = find(set_of(sessions, key), key);
    bool found = entry != NULL && entry->owner == owner && entry->expires_ns > now_ns;
    if (found) {
        *ret_session = *entry;
    }
    pthread_mutex_unlock(lock);
    return found;
}

/* --- what is to be written --- */

static bool queue_add(struct sessions *sessions, uint64_t key)
{
    pthread_mutex_lock(&sessions->queue_lock);
    bool room = sessions->queued < SESSIONS_QUEUE;
    if (room) {
        sessions->queue[(sessions->queue_first + sessions->queued++) % SESSIONS_QUEUE] = key;
    } else {
        sessions->unsaved++;
    }
    pthread_mutex_unlock(&sessions->queue_lock);
    return room;
}

bool sessions_changed(struct sessions *sessions)
{
    pthread_mutex_lock(&sessions->queue_lock);
    bool changed = sessions->queued > 0;
    pthread_mutex_unlock(&sessions->queue_lock);
    return changed;
}

size_t sessions_take(struct sessions *sessions, struct session *ret_entries, size_t most)
{
    size_t count = 0;
    bool more = true;
    while (count < most && more) {
        pthread_mutex_lock(&sessions->queue_lock);
        more = sessions->queued > 0;
        uint64_t key = sessions->queue[sessions->queue_first % SESSIONS_QUEUE];
        sessions->queue_first += more ? 1 : 0;
        sessions->queued -= more ? 1 : 0;
        pthread_mutex_unlock(&sessions->queue_lock);
        pthread_mutex_t *lock = lock_of(sessions, key);
        pthread_mutex_lock(lock);
        struct session *entry = more ? find(set_of(sessions, key), key) : NULL;
        if (entry != NULL && entry->unwritten) {
            entry->unwritten = false;
            ret_entries[count++] = *entry;
        }
        pthread_mutex_unlock(lock);
    }
    return count;
}

void sessions_give_back(struct sessions *sessions, uint64_t key)
{
    pthread_mutex_t *lock = lock_of(sessions, key);
    pthread_mutex_lock(lock);
    struct session *entry = find(set_of(sessions, key), key);
    bool again = entry != NULL && !entry->unwritten;
    if (again) {
        entry->unwritten = queue_add(sessions, key);
    }
    pthread_mutex_unlock(lock);
}

void sessions_put(struct sessions *sessions, const struct session *session)
{
    pthread_mutex_t *lock = lock_of(sessions, session->key);
    pthread_mutex_lock(lock);
    struct session *set = set_of(sessions, session->key);
    struct session *entry = find(set, session->key);
    bool queued = entry != NULL && entry->unwritten;
    if (entry == NULL) {
        entry = place_for(set, session->owner, session->used_ns);
        bool evicts = entry->key != 0 && entry->expires_ns > session->used_ns;
        atomic_fetch_add_explicit(&sessions->evicted, evicts ? 1 : 0, memory_order_relaxed);
        atomic_fetch_add_explicit(&sessions->used, entry->key == 0 ? 1 : 0, memory_order_relaxed);
    }
    *entry = *session;
    entry->unwritten = queued || queue_add(sessions, session->key);
    pthread_mutex_unlock(lock);
}

void sessions_restore(struct sessions *sessions, const struct session *session)
{
    struct session *set = set_of(sessions, session->key);
    struct session *entry = place_for(set, session->owner, session->used_ns);
    if (entry->key == 0 && find(set, session->key) == NULL) { /* the newest come first */
        *entry = *session;
        entry->unwritten = false;
        atomic_fetch_add_explicit(&sessions->used, 1, memory_order_relaxed);
    }
}

void sessions_stats_read(struct sessions *sessions, struct sessions_stats *ret_stats)
{
    ret_stats->entries = atomic_load_explicit(&sessions->used, memory_order_relaxed);
    ret_stats->evicted = atomic_load_explicit(&sessions->evicted, memory_order_relaxed);
    pthread_mutex_lock(&sessions->queue_lock);
    ret_stats->unsaved = sessions->unsaved;
    pthread_mutex_unlock(&sessions->queue_lock);
}

/* --- as text: version, numbers, those of the others behind their count, the target's name --- */

#define TEXT_NUMBERS 9
#define OTHER_NUMBERS 3

static size_t put_word(uint64_t number, char *out)
{
    size_t len = number_format(number, out);
    out[len] = ' ';
    return len + 1;
}

static size_t write_others(const struct session *session, char *out)
{
    size_t count = 0;
    while (count < SESSION_OTHERS && session->others[count].name != 0) {
        count++;
    }
    size_t len = put_word(count, out);
    for (size_t i = 0; i < count; i++) {
        const struct session_other *other = &session->others[i];
        len += put_word(other->name, out + len);
        len += put_word((uint64_t)other->warm_tokens, out + len);
        len += put_word((uint64_t)other->warm_until_ns, out + len);
    }
    return len;
}

static bool read_others(struct slice *text, struct session *session)
{
    uint64_t count;
    uint64_t numbers[OTHER_NUMBERS];
    if (!slice_to_u64(slice_cut(text, ' '), &count) || count > SESSION_OTHERS) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t n = 0; n < OTHER_NUMBERS; n++) {
            if (!slice_to_u64(slice_cut(text, ' '), &numbers[n])) {
                return false;
            }
        }
        session->others[i] =
            (struct session_other){numbers[0], (int64_t)numbers[1], (int64_t)numbers[2]};
        if (numbers[0] == 0 || numbers[1] > INT64_MAX || numbers[2] > INT64_MAX) {
            return false;
        }
    }
    return true;
}

size_t session_write(const struct session *session, char out[SESSION_TEXT_MAX])
{
    const uint64_t numbers[TEXT_NUMBERS] = {
        TEXT_VERSION,
        (uint64_t)session->used_ns,
        (uint64_t)session->expires_ns,
        (uint64_t)session->warm_tokens,
        (uint64_t)session->warm_until_ns,
        session->turns,
        session->stay,
        session->tiers,
        session->floor_tier,
    };
    size_t len = 0;
    for (size_t i = 0; i < TEXT_NUMBERS; i++) {
        len += put_word(numbers[i], out + len);
    }
    len += write_others(session, out + len);
    memcpy(out + len, session->target, session->target_len);
    return len + session->target_len;
}

bool session_read(struct slice text, struct session *ret_session)
{
    uint64_t numbers[TEXT_NUMBERS];
    for (size_t i = 0; i < TEXT_NUMBERS; i++) {
        if (!slice_to_u64(slice_cut(&text, ' '), &numbers[i]) || numbers[i] > INT64_MAX) {
            return false;
        }
    }
    *ret_session = (struct session){
        .used_ns = (int64_t)numbers[1],
        .expires_ns = (int64_t)numbers[2],
        .warm_tokens = (int64_t)numbers[3],
        .warm_until_ns = (int64_t)numbers[4],
        .turns = (uint32_t)numbers[5],
        .stay = (uint32_t)numbers[6],
        .tiers = (uint8_t)numbers[7],
        .floor_tier = (uint8_t)numbers[8],
    };
    bool known = numbers[0] == TEXT_VERSION_OLD ||
                 (numbers[0] == TEXT_VERSION && read_others(&text, ret_session));
    return known && numbers[5] <= UINT32_MAX && numbers[6] <= UINT32_MAX &&
           numbers[7] <= UINT8_MAX && numbers[8] <= UINT8_MAX && text.len > 0 &&
           session_set_target(ret_session, text);
}
