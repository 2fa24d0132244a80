/* SPDX-License-Identifier: Apache-2.0 */
#include "config/snapshot.h"

#include "base/memory.h"
#include "route/weights.h"

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

static void wipe(struct slice secret)
{
    if (secret.len > 0) {
        /* the bytes are the arena's own copy; only the view of them is const */
        explicit_bzero((void *)(uintptr_t)secret.ptr, secret.len);
    }
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (snapshot == NULL ||
        atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (snapshot->runtime_free != NULL) {
        snapshot->runtime_free(snapshot->runtime);
    }
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        wipe(snapshot->providers[i].headers);
        wipe(snapshot->providers[i].proxy); /* may hold a password */
        wipe(snapshot->providers[i].aws.secret_access_key);
        wipe(snapshot->providers[i].aws.session_token);
        wipe(snapshot->providers[i].account.key);
    }
    wipe(snapshot->caps.webhook_token);
    wipe(snapshot->cluster.postgres);
    wipe(snapshot->cluster.redis_url);
    wipe(snapshot->jwt.proxy);
    jwks_unref(snapshot->jwt.keys);
    for (struct weights_file *file = snapshot->weights_files; file != NULL; file = file->next) {
        weights_release(file->weights);
    }
    arena_release(&snapshot->arena);
    memory_free(snapshot);
}
