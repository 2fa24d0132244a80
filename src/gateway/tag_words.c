/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/tag_words.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"

#include <pthread.h>

#define SET_WORDS 8u
#define SETS (TAG_WORDS_MAX / SET_WORDS)
#define REFILL_NS (TAG_WORDS_NEW_EVERY_S * NS_PER_S)

struct known_word {
    uint64_t hash; /* 0: empty */
    uint64_t said; /* larger is later */
};

struct tag_words {
    pthread_mutex_t lock;
    uint64_t said;
    int64_t full_at_ns; /* when as many new ones may come as ever */
    struct known_word words[TAG_WORDS_MAX];
};

struct tag_words *tag_words_new(void)
{
    struct tag_words *words = memory_array(1, sizeof(*words));
    if (words != NULL) {
        pthread_mutex_init(&words->lock, NULL);
        words->full_at_ns = INT64_MIN;
    }
    return words;
}

void tag_words_free(struct tag_words *words)
{
    if (words != NULL) {
        pthread_mutex_destroy(&words->lock);
        memory_free(words);
    }
}

/* Lock held. Its place: where it is, else the one of its set that was not said for longest. */
static struct known_word *place_of(struct tag_words *words, uint64_t hash)
{
    struct known_word *set = &words->words[(hash & (SETS - 1)) * SET_WORDS];
    struct known_word *oldest = set;
    for (size_t i = 0; i < SET_WORDS; i++) {
        if (set[i].hash == hash) {
            return &set[i];
        }
        oldest = set[i].said < oldest->said ? &set[i] : oldest;
    }
    return oldest;
}

/* Lock held. Each new one moves the time when all may come again further away. */
static bool may_come(struct tag_words *words, int64_t now_ns)
{
    int64_t from = words->full_at_ns < now_ns ? now_ns : words->full_at_ns;
    if (from - now_ns > (TAG_WORDS_NEW_MAX - 1) * REFILL_NS) {
        return false;
    }
    words->full_at_ns = from + REFILL_NS;
    return true;
}

struct slice tag_words_admit(struct tag_words *words, struct slice word, int64_t now_ns)
{
    if (words == NULL) {
        return SLICE(TAG_OTHERS);
    }
    uint64_t hash = hash_keyed(word);
    hash = hash == 0 ? 1 : hash;
    pthread_mutex_lock(&words->lock);
    struct known_word *place = place_of(words, hash);
    bool known = place->hash == hash || may_come(words, now_ns);
    if (known) {
        *place = (struct known_word){hash, ++words->said};
    }
    pthread_mutex_unlock(&words->lock);
    return known ? word : SLICE(TAG_OTHERS);
}
