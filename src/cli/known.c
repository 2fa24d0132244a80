/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/known.h"

#define KNOWN_ARENA (32u << 20)

/* Does the file leave something to its server's word? */
static bool is_open(const struct target *target)
{
    return target->presumed || target->context_tokens == 0;
}

/* The models that targets name at this provider, each once. */
static void name_models(const struct snapshot *snapshot, size_t provider, struct arena *arena,
                        struct probe *probe)
{
    probe->models = arena_array(arena, PROBE_MODELS_MAX, sizeof(*probe->models));
    for (size_t i = 0; i < snapshot->named_targets && probe->models != NULL; i++) {
        const struct target *target = &snapshot->policy.targets[i];
        bool known = !is_open(target) || target->provider != provider ||
                     target->model.len > PROBE_MODEL_BYTES_MAX;
        for (size_t m = 0; m < probe->model_count && !known; m++) {
            known = slice_eq(probe->models[m].model, target->model);
        }
        if (!known && probe->model_count < PROBE_MODELS_MAX) {
            struct slice copy = arena_copy(arena, target->model);
            probe->models[probe->model_count] = (struct known_model){.model = copy};
            probe->model_count += copy.len > 0 ? 1 : 0;
        }
    }
}

static size_t count_targets(const struct snapshot *snapshot, size_t provider, bool open)
{
    size_t count = 0;
    for (size_t i = 0; i < snapshot->named_targets; i++) {
        const struct target *target = &snapshot->policy.targets[i];
        count += target->provider == provider && (!open || is_open(target)) ? 1 : 0;
    }
    return count;
}

/* Of a server whose list was asked for only to hear of models that targets name, the others are no
 * targets. */
static void take(struct known *known, struct known_server *server, const struct probe *probe,
                 struct known_model *items)
{
    server->answered = probe->found;
    server->models = probe->found ? probe->model_count : 0;
    server->left_out = probe->found ? probe->listed - probe->model_count : 0;
    for (size_t i = 0; i < probe->model_count; i++) {
        struct known_model *model = &items[known->models.count++];
        *model = probe->models[i];
        model->provider = server->provider;
        model->listed = model->listed && server->listed;
    }
}

bool known_ask(const struct snapshot *snapshot, const struct clock *clock, struct known *ret_known)
{
    struct probe probes[PROBES_MAX];
    struct known *known = ret_known;
    size_t count = 0;
    *known = (struct known){.server_count = 0};
    arena_init(&known->arena, KNOWN_ARENA);
    for (size_t i = 0; i < snapshot->provider_count && count < PROBES_MAX; i++) {
        const struct provider *provider = &snapshot->providers[i];
        bool named = snapshot->targets_given || count_targets(snapshot, i, false) > 0;
        if ((provider->quirks & QUIRK_LOCAL) == 0 || provider->dialects == 0 ||
            (named && count_targets(snapshot, i, true) == 0) ||
            !discovery_probe(&probes[count], provider->preset, provider->base_url,
                             &known->arena)) {
            continue;
        }
        known->servers[count] = (struct known_server){
            .provider = arena_copy(&known->arena, provider->name), .listed = !named};
        if (named && probes[count].facts == FACTS_OLLAMA_SHOW) {
            name_models(snapshot, i, &known->arena, &probes[count]);
        }
        count++;
    }
    known->server_count = count;
    if (count == 0) {
        return false;
    }
    probe_run(probes, count, clock, DISCOVERY_PROBE_MS, &known->arena);
    struct known_model *items =
        arena_array(&known->arena, count * PROBE_MODELS_MAX, sizeof(*items));
    for (size_t i = 0; i < count && items != NULL; i++) {
        take(known, &known->servers[i], &probes[i], items);
    }
    known->models.items = items;
    return true;
}

void known_release(struct known *known)
{
    arena_release(&known->arena);
}
