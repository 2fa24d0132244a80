/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/verdict_memory.h"

void verdict_memory_init(struct verdict_memory *memory)
{
    memset(memory, 0, sizeof(*memory));
    pthread_mutex_init(&memory->lock, NULL);
}

void verdict_memory_release(struct verdict_memory *memory)
{
    pthread_mutex_destroy(&memory->lock);
}

void verdict_memory_put(struct verdict_memory *memory, const struct id *call, uint64_t key,
                        const struct checked *checked)
{
    uint32_t results = 0;
    for (unsigned i = 0; i < CHECK_COUNT; i++) {
        results |= (uint32_t)checked->results[i] << (2 * i);
    }
    if (results == 0) {
        return;
    }
    pthread_mutex_lock(&memory->lock);
    memory->seen[memory->next] = (struct verdict_seen){*call, key, results};
    memory->next = (memory->next + 1) % VERDICT_MEMORY_ANSWERS;
    pthread_mutex_unlock(&memory->lock);
}

bool verdict_memory_take(struct verdict_memory *memory, const struct id *call, uint64_t *ret_key,
                         uint8_t results[CHECK_COUNT])
{
    uint32_t found = 0;
    pthread_mutex_lock(&memory->lock);
    for (size_t i = 0; i < VERDICT_MEMORY_ANSWERS && found == 0; i++) {
        struct verdict_seen *seen = &memory->seen[i];
        if (seen->results != 0 && memcmp(seen->call.bytes, call->bytes, sizeof(call->bytes)) == 0) {
            found = seen->results;
            *ret_key = seen->key;
            seen->results = 0;
        }
    }
    pthread_mutex_unlock(&memory->lock);
    for (unsigned i = 0; i < CHECK_COUNT; i++) {
        results[i] = (uint8_t)(found >> (2 * i) & 3);
    }
    return found != 0;
}
