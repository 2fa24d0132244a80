/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/runtime.h"

#include <stdlib.h>

static void runtime_free(void *pointer)
{
    struct runtime *runtime = pointer;
    if (runtime == NULL) {
        return;
    }
    for (size_t i = 0; i < runtime->origin_count; i++) {
        upstream_origin_release(&runtime->origins[i]);
    }
    if (runtime->has_classifier) {
        upstream_origin_release(&runtime->classifier);
    }
    free(runtime->origins);
    free(runtime);
}

static bool origins_init(struct runtime *runtime, const struct snapshot *snapshot,
                         struct error *error)
{
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        const struct provider *provider = &snapshot->providers[i];
        struct upstream_origin *origin = &runtime->origins[i];
        if (!upstream_origin_init(origin, &provider->url, provider->headers, provider->ca_file,
                                  provider->proxy, error)) {
            return false;
        }
        origin->insecure = provider->insecure;
        runtime->origin_count = i + 1;
    }
    return true;
}

bool runtime_attach(struct snapshot *snapshot, struct error *error)
{
    struct runtime *runtime = calloc(1, sizeof(*runtime));
    if (runtime == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    runtime->origins = calloc(snapshot->provider_count + 1, sizeof(*runtime->origins));
    if (runtime->origins == NULL) {
        free(runtime);
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    if (!origins_init(runtime, snapshot, error)) {
        runtime_free(runtime);
        return false;
    }
    if (snapshot->classifier.kind == CLASSIFIER_EXTERNAL && snapshot->classifier.url.len > 0) {
        if (!upstream_origin_init(&runtime->classifier, &snapshot->classifier.endpoint, SLICE_EMPTY,
                                  SLICE_EMPTY, SLICE_EMPTY, error)) {
            runtime_free(runtime);
            return false;
        }
        runtime->has_classifier = true;
    }
    snapshot->runtime = runtime;
    snapshot->runtime_free = runtime_free;
    return true;
}
