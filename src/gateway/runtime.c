/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/runtime.h"

#include "base/memory.h"
#include "codec/json_write.h"
#include "gateway/attempt_request.h"
#include "net/http.h"

#define PATH_BYTES_MAX ((size_t)16 << 10)
#define MODEL_JSON_MAX ((size_t)64 << 10)
#define RUNTIME_BYTES_MAX ((size_t)64 << 20)

static void templates_free(struct runtime *runtime)
{
    for (size_t i = 0; i < runtime->origin_count && runtime->templates != NULL; i++) {
        for (size_t d = 0; d < DIALECT_COUNT; d++) {
            for (size_t o = 0; o < OPERATION_COUNT; o++) {
                upstream_template_release(&runtime->templates[i][d][o]);
            }
        }
    }
    memory_free(runtime->templates);
}

static void runtime_free(void *pointer)
{
    struct runtime *runtime = pointer;
    if (runtime == NULL) {
        return;
    }
    templates_free(runtime);
    for (size_t i = 0; i < runtime->origin_count; i++) {
        upstream_origin_release(&runtime->origins[i]);
    }
    if (runtime->has_classifier) {
        upstream_origin_release(&runtime->classifier);
    }
    memory_free(runtime->origins);
    arena_release(&runtime->arena);
    memory_free(runtime);
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

static bool template_init(struct runtime *runtime, const struct provider *provider, size_t index,
                          enum dialect_id dialect, enum operation operation, struct error *error)
{
    const struct chat chat = {.operation = operation};
    struct slice path = dialect_of(dialect)->request_path(&chat);
    struct buf joined = BUF_INIT(PATH_BYTES_MAX);
    buf_append(&joined, provider->url.path);
    buf_append(&joined, path);
    struct buf lines = BUF_INIT(PATH_BYTES_MAX);
    buf_append(&lines, SLICE(ATTEMPT_COMMON_LINES));
    buf_append(&lines, dialect_of(dialect)->request_lines);
    bool ok = upstream_template_init(&runtime->templates[index][dialect][operation],
                                     &runtime->origins[index], SLICE("POST"), buf_slice(&joined),
                                     buf_slice(&lines), error);
    buf_release(&joined);
    buf_release(&lines);
    return ok;
}

/* Where the path holds the model there is nothing to prepare. */
static bool has_template(const struct dialect *dialect, enum operation operation)
{
    return dialect->request_path != NULL && (dialect->operations & OPERATION_BIT(operation)) != 0;
}

static bool templates_init(struct runtime *runtime, const struct snapshot *snapshot,
                           struct error *error)
{
    runtime->templates = memory_array(snapshot->provider_count + 1, sizeof(*runtime->templates));
    if (runtime->templates == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        const struct provider *provider = &snapshot->providers[i];
        unsigned spoken = provider->dialects | DIALECT_BIT(provider->default_dialect);
        for (unsigned d = 0; d < DIALECT_COUNT; d++) {
            for (unsigned o = 0; o < OPERATION_COUNT && (spoken & DIALECT_BIT(d)) != 0; o++) {
                if (has_template(dialect_of((enum dialect_id)d), (enum operation)o) &&
                    !template_init(runtime, provider, i, (enum dialect_id)d, (enum operation)o,
                                   error)) {
                    return false;
                }
            }
        }
    }
    return true;
}

/* A header line, or nothing where the value cannot stand in a header. */
static struct slice line_make(struct arena *arena, const char *name, struct slice value)
{
    if (value.len == 0 || !http_value_valid(value)) {
        return SLICE_EMPTY;
    }
    return arena_printf(arena, "%s: %.*s\r\n", name, SLICE_ARG(value));
}

static struct slice model_json(struct arena *arena, struct slice model)
{
    struct buf text = BUF_INIT(MODEL_JSON_MAX);
    buf_append_char(&text, '"');
    json_escape(model, &text);
    buf_append_char(&text, '"');
    struct slice copy = text.failed ? SLICE_EMPTY : arena_copy(arena, buf_slice(&text));
    buf_release(&text);
    return copy;
}

static enum offer_kind offer_kind_of(const struct policy *policy, const struct target *target)
{
    if (target->price.known) {
        return OFFER_PRICED;
    }
    switch (policy->unknown_price) {
    case UNKNOWN_PRICE_CEILING:
        return OFFER_CEILING;
    case UNKNOWN_PRICE_ALLOW:
        return OFFER_FREE;
    case UNKNOWN_PRICE_DENY:
        break;
    }
    return OFFER_UNPRICED;
}

void runtime_offer(const struct snapshot *snapshot, const struct target *target,
                   struct offer *ret_offer)
{
    *ret_offer = (struct offer){
        .kind = offer_kind_of(&snapshot->policy, target),
        .target = target->name,
        .provider = target->provider_name,
        .model = target->model,
        .price = policy_price(&snapshot->policy, target),
    };
    offer_identify(ret_offer);
}

static bool targets_init(struct runtime *runtime, const struct snapshot *snapshot,
                         struct error *error)
{
    const struct policy *policy = &snapshot->policy;
    struct arena *arena = &runtime->arena;
    runtime->targets = arena_array(arena, policy->target_count, sizeof(*runtime->targets));
    for (size_t i = 0; i < policy->target_count && !arena->exhausted; i++) {
        const struct target *target = &policy->targets[i];
        struct slice name = line_make(arena, "x-sluice-target", target->name);
        struct slice provider = line_make(arena, "x-sluice-provider", target->provider_name);
        runtime->targets[i].model_json = model_json(arena, target->model);
        runtime->targets[i].answer_lines =
            arena_printf(arena, "%.*s%.*s", SLICE_ARG(name), SLICE_ARG(provider));
        struct offer offer;
        runtime_offer(snapshot, target, &offer);
        runtime->targets[i].offer = offer.id;
        atomic_init(&runtime->targets[i].offered, false);
    }
    return !arena->exhausted || error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
}

static bool classifier_init(struct runtime *runtime, const struct snapshot *snapshot,
                            struct error *error)
{
    if (snapshot->classifier.kind != CLASSIFIER_EXTERNAL || snapshot->classifier.url.len == 0) {
        return true;
    }
    runtime->has_classifier =
        upstream_origin_init(&runtime->classifier, &snapshot->classifier.endpoint, SLICE_EMPTY,
                             SLICE_EMPTY, SLICE_EMPTY, error);
    return runtime->has_classifier;
}

bool runtime_attach(struct snapshot *snapshot, struct error *error)
{
    struct runtime *runtime = memory_array(1, sizeof(*runtime));
    if (runtime == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    arena_init(&runtime->arena, RUNTIME_BYTES_MAX);
    runtime->origins = memory_array(snapshot->provider_count + 1, sizeof(*runtime->origins));
    if (runtime->origins == NULL) {
        memory_free(runtime);
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    if (!origins_init(runtime, snapshot, error) || !templates_init(runtime, snapshot, error) ||
        !targets_init(runtime, snapshot, error) || !classifier_init(runtime, snapshot, error)) {
        runtime_free(runtime);
        return false;
    }
    snapshot->runtime = runtime;
    snapshot->runtime_free = runtime_free;
    return true;
}
