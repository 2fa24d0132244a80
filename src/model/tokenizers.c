/* SPDX-License-Identifier: Apache-2.0 */
#include "model/tokenizers.h"

#include "base/memory.h"

#include <pthread.h>
#include <stdatomic.h>

struct slot {
    _Atomic(struct tokenizer *) made;
    pthread_t thread;
    bool begun; /* under the lock, as the next */
    bool joined;
    enum token_encoding encoding;
};

struct tokenizers {
    pthread_mutex_t lock;
    struct slot slots[TOKEN_ENCODINGS];
};

struct tokenizers *tokenizers_new(void)
{
    struct tokenizers *tokenizers = memory_array(1, sizeof(*tokenizers));
    if (tokenizers != NULL) {
        pthread_mutex_init(&tokenizers->lock, NULL);
        for (int i = 0; i < TOKEN_ENCODINGS; i++) {
            tokenizers->slots[i].encoding = (enum token_encoding)i;
        }
    }
    return tokenizers;
}

static void *make(void *user)
{
    struct slot *slot = user;
    atomic_store(&slot->made, tokenizer_new(slot->encoding));
    return NULL;
}

/* Under the lock. */
static void join(struct slot *slot)
{
    if (slot->begun && !slot->joined) {
        pthread_join(slot->thread, NULL);
        slot->joined = true;
    }
}

void tokenizers_free(struct tokenizers *tokenizers)
{
    if (tokenizers == NULL) {
        return;
    }
    for (int i = 0; i < TOKEN_ENCODINGS; i++) {
        join(&tokenizers->slots[i]);
        tokenizer_free(atomic_load(&tokenizers->slots[i].made));
    }
    pthread_mutex_destroy(&tokenizers->lock);
    memory_free(tokenizers);
}

const struct tokenizer *tokenizers_get(struct tokenizers *tokenizers, enum token_encoding encoding,
                                       bool wait)
{
    struct slot *slot = &tokenizers->slots[encoding];
    const struct tokenizer *made = atomic_load(&slot->made);
    if (made != NULL) {
        return made;
    }
    pthread_mutex_lock(&tokenizers->lock);
    if (!slot->begun) {
        slot->begun = pthread_create(&slot->thread, NULL, make, slot) == 0;
    }
    if (wait) {
        join(slot);
    }
    pthread_mutex_unlock(&tokenizers->lock);
    return atomic_load(&slot->made);
}
