/* SPDX-License-Identifier: Apache-2.0 */
/* sluice import litellm: another gateway's configuration as ours, and what it has no equal for. */
#include "cli/arguments.h"
#include "cli/litellm.h"
#include "cli/load.h"
#include "cli/rows.h"
#include "cli/terminal.h"

#include "base/memory.h"
#include "codec/json_write.h"
#include "config/diagnostics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_BYTES_MAX (4u << 20) /* of a configuration, theirs and ours */
#define ARENA_BYTES_MAX ((size_t)256 << 20)

static bool begin(struct litellm *import)
{
    *import = (struct litellm){.root = NULL};
    arena_init(&import->arena, ARENA_BYTES_MAX);
    struct arena *arena = &import->arena;
    import->notes = arena_array(arena, LITELLM_NOTES_MAX, sizeof(import->notes[0]));
    import->providers = arena_array(arena, LITELLM_PROVIDERS_MAX, sizeof(import->providers[0]));
    import->deployments =
        arena_array(arena, LITELLM_DEPLOYMENTS_MAX, sizeof(import->deployments[0]));
    import->groups = arena_array(arena, LITELLM_GROUPS_MAX, sizeof(import->groups[0]));
    return !arena->exhausted;
}

/* One reading: the marks that it leaves in the tree are for one result. */
static int convert(struct slice text, const char *file, bool allow_unpriced,
                   struct litellm *import, struct buf *out)
{
    struct diagnostics diagnostics = {0};
    bool whole = false;
    int code = EXIT_CODE_CONFIG;
    if (begin(import)) {
        import->root = yaml_parse(text, &import->arena, &diagnostics, &whole);
    }
    import->allow_unpriced = allow_unpriced;
    if (diagnostics.errors > 0 || !whole) {
        struct buf words = BUF_INIT(DATA_BYTES_MAX);
        diagnostics.hide_all = true; /* secrets stand in the lines */
        diagnostics_write_text(&diagnostics, file, text, false, &words);
        say("%.*s", SLICE_ARG(buf_slice(&words)));
        buf_release(&words);
    } else if (import->root == NULL || import->root->kind != YAML_MAPPING ||
               yaml_member(import->root, SLICE("model_list")) == NULL) {
        say("sluice import litellm: %s has no model_list: it is no configuration of LiteLLM's "
            "proxy",
            file);
    } else {
        litellm_read(import);
        litellm_write(import, file, out);
        code = import->arena.exhausted || out->failed ? EXIT_CODE_FAILED : EXIT_CODE_OK;
    }
    diagnostics_release(&diagnostics);
    return code;
}

/* --- is the result one? --- */

/* What is not set yet is something, so that all the rest can be looked at. */
static const char *get_anything(const struct config_environment *environment, const char *name)
{
    const struct config_environment *real = environment->user;
    const char *value = real->get(real, name);
    return value != NULL ? value : "http://127.0.0.1:9";
}

static bool has_unpriced(const struct snapshot *snapshot)
{
    for (size_t i = 0; snapshot != NULL && i < snapshot->named_targets; i++) {
        if (!snapshot->policy.targets[i].price.known) {
            return true;
        }
    }
    return false;
}

static bool passes(const struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        if (diagnostics->items[i].severity == SEVERITY_ERROR &&
            strcmp(diagnostics->items[i].code, "unset_variable") != 0) {
            say("sluice import litellm: the result needs a hand: line %u: %s",
                diagnostics->items[i].line, diagnostics->items[i].message);
            return false;
        }
    }
    return true;
}

/* *ret_unpriced: some target has no price. False: what `sluice check` would say was said. */
static bool check_result(struct slice text, bool *ret_unpriced)
{
    struct dotenv *dotenv;
    struct diagnostics diagnostics;
    struct config_options options = {
        .file = "sluice.yaml",
        .environment = load_environment(&dotenv),
        .wall_s = clock_wall(&clock_system) / NS_PER_S,
        .generation = 1,
    };
    struct snapshot *snapshot = config_load(text, &options, &diagnostics);
    bool sound = passes(&diagnostics);
    diagnostics_release(&diagnostics);
    if (snapshot == NULL) {
        struct config_environment real = *options.environment;
        const struct config_environment anything = {.get = get_anything, .user = &real};
        options.environment = &anything;
        snapshot = config_load(text, &options, &diagnostics);
        diagnostics_release(&diagnostics);
    }
    *ret_unpriced = has_unpriced(snapshot);
    snapshot_unref(snapshot);
    dotenv_free(dotenv);
    return sound;
}

/* --- the output --- */

static void write_json(const struct litellm *import, struct slice config, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("schema"), SLICE("sluice.import/1"));
    json_member_string(&w, SLICE("config"), config);
    json_key(&w, SLICE("variables"));
    json_begin_array(&w);
    for (size_t i = 0; i < import->variable_count; i++) {
        json_begin_object(&w);
        json_member_string(&w, SLICE("name"), import->variables[i].name);
        json_member_int(&w, SLICE("line"), import->variables[i].line);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_key(&w, SLICE("notes"));
    json_begin_array(&w);
    for (size_t i = 0; i < import->note_count; i++) {
        json_begin_object(&w);
        json_member_int(&w, SLICE("line"), import->notes[i].line);
        json_member_string(&w, SLICE("key"), import->notes[i].key);
        json_member_string(&w, SLICE("text"), import->notes[i].text);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    buf_append_char(out, '\n');
}

/* A file that is there may be somebody's configuration: it is not written over. */
static int write_file(const char *path, struct slice text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        say("sluice import litellm: %s: %s%s", path, strerror(errno),
            errno == EEXIST ? "; remove it, or name another file" : "");
        return EXIT_CODE_FAILED;
    }
    while (text.len > 0) {
        ssize_t count = write(fd, text.ptr, text.len);
        if (count < 0 && errno != EINTR) {
            break;
        }
        text = slice_from(text, count < 0 ? 0 : (size_t)count);
    }
    if (close(fd) != 0 || text.len > 0) {
        say("sluice import litellm: %s: %s", path, strerror(errno));
        return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_OK;
}

static void say_notes(const struct litellm *import, const char *file)
{
    for (size_t i = 0; i < import->variable_count; i++) {
        say("%s:%u: set %.*s to the value that stands here", file, import->variables[i].line,
            SLICE_ARG(import->variables[i].name));
    }
    for (size_t i = 0; i < import->note_count; i++) {
        say("%s:%u: %.*s: %.*s", file, import->notes[i].line, SLICE_ARG(import->notes[i].key),
            SLICE_ARG(import->notes[i].text));
    }
}

static int deliver(const struct arguments *arguments, const struct litellm *import,
                   const char *file, struct buf *config)
{
    const char *path = arguments_value(arguments, "output");
    int code = path == NULL ? EXIT_CODE_OK : write_file(path, buf_slice(config));
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (arguments_given(arguments, "json")) {
        struct buf out = BUF_INIT(DATA_BYTES_MAX);
        write_json(import, buf_slice(config), &out);
        return print_data(&out);
    }
    say_notes(import, file);
    if (path != NULL) {
        say("%s: %zu targets at %zu providers. Try: sluice check %s", path,
            import->deployment_count, import->provider_count, path);
        return EXIT_CODE_OK;
    }
    return print_data(config);
}

static int import_text(const struct arguments *arguments, struct slice text, const char *file)
{
    struct litellm *import = memory_array(1, sizeof(*import));
    struct buf out = BUF_INIT(CONFIG_BYTES_MAX);
    bool unpriced = false;
    if (import == NULL) {
        return EXIT_CODE_FAILED;
    }
    int code = convert(text, file, false, import, &out);
    bool sound = code != EXIT_CODE_OK || check_result(buf_slice(&out), &unpriced);
    if (code == EXIT_CODE_OK && unpriced) {
        arena_release(&import->arena);
        buf_clear(&out);
        code = convert(text, file, true, import, &out);
    }
    if (code == EXIT_CODE_OK) {
        code = deliver(arguments, import, file, &out);
    }
    arena_release(&import->arena);
    memory_free(import);
    buf_release(&out);
    return code == EXIT_CODE_OK && !sound ? EXIT_CODE_FAILED : code;
}

static int import_litellm_run(int argc, char **argv)
{
    struct arguments arguments;
    struct error error;
    struct buf text = BUF_INIT(CONFIG_BYTES_MAX);
    int code;
    if (!arguments_begin(&import_litellm_command, argc, argv, &arguments, &code)) {
        return code;
    }
    const char *file = arguments.words[0];
    code = read_input(file, &text, &error) ? import_text(&arguments, buf_slice(&text), file)
                                           : say_error("import litellm", &error);
    memory_wipe(text.ptr, text.len);
    buf_release(&text);
    return code;
}

static const struct argument import_litellm_arguments[] = {
    {.name = "output", .letter = 'o', .value = "FILE", .help = "where it goes; default: stdout"},
    ARGUMENT_JSON,
};

const struct command import_litellm_command = {
    .name = "import litellm",
    .summary = "convert a LiteLLM configuration",
    .example = "sluice import litellm config.yaml -o sluice.yaml\n"
               "sluice check sluice.yaml\n",
    .details = "Every key is honoured, or listed with its line: on stderr, and as a comment in the "
               "result.\nSecrets are not copied: os.environ/NAME becomes ${NAME}, and for one that "
               "stands in\nthe file a variable is named that has to be set to it.",
    .arguments = import_litellm_arguments,
    .argument_count = ARRAY_LEN(import_litellm_arguments),
    .words = "FILE",
    .words_min = 1,
    .words_max = 1,
    .run = import_litellm_run,
};
