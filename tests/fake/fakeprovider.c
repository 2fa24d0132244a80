/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated model provider as a program, for tests and benchmarks: src/sim/sim.h says what it
 * does. Prints one line of JSON, {"port":N} (with --servers {"ports":[...]}), when it is ready;
 * SIGTERM and SIGINT stop it.
 */
#define _GNU_SOURCE
#include "base/buf.h"
#include "net/tls_server.h"
#include "sim/behaviour.h"
#include "sim/sim.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RULES_MAX ((size_t)16 << 20)
#define EXIT_USAGE 2

static const char usage[] =
    "usage: fakeprovider [options]\n"
    "  --listen ADDR        127.0.0.1:0 (port 0: any free one; it is printed)\n"
    "  --servers N          so many of them, on consecutive free ports of the system's choice\n"
    "  --tls CERT KEY       HTTPS with these PEM files\n"
    "  --models A,B         names for the lists of models\n"
    "  --api-key KEY        demands it\n"
    "  --behaviour CHAIN    holds for all requests\n"
    "  --rules FILE         lines `MODEL CHAIN`\n"
    "  --dialect NAME       only this one: openai, ollama, anthropic, gemini,\n"
    "                       responses, bedrock, vertex\n"
    "  --latency-ms N       before the first byte\n"
    "  --tps N              tokens a second\n"
    "  --tokens N           length of a text that nothing else limits\n"
    "  --seed N             of texts and ids\n"
    "  --time-divisor N     divides latencies and paces\n"
    "  --record N           requests that are kept\n"
    "  --fast               one precomputed answer for each POST, nothing recorded\n"
    "  --body-bytes N       of that answer's body (1024); implies --fast\n"
    "  --events N           of that answer as a stream (100); implies --fast\n"
    "  --event-ms N         between them (0); implies --fast\n"
    "  --list               prints the table of behaviours\n";

struct arguments {
    struct sim_profile profile;
    struct sim_options options;
    size_t servers;
    const char *certificate;
    const char *key;
    const char *rules_file;
    struct buf rules;
};

static void print_list(void)
{
    for (size_t i = 0; i < SIM_BEHAVIOURS; i++) {
        const struct sim_behaviour_row *row = &sim_behaviour_rows[i];
        char name[64];
        if (row->number == NULL) {
            (void)snprintf(name, sizeof(name), "%.*s", SLICE_ARG(row->name));
        } else {
            (void)snprintf(name, sizeof(name), "%.*s-%u", SLICE_ARG(row->name), row->fallback);
        }
        printf("%-26s %s%s%s%s\n", name, row->help, row->number == NULL ? "" : " (",
               row->number == NULL ? "" : row->number, row->number == NULL ? "" : ")");
    }
}

static uint64_t number_or_exit(const char *text, uint64_t most)
{
    uint64_t number = 0;

    if (!slice_to_u64(slice_from_cstr(text), &number) || number > most) {
        fprintf(stderr, "fakeprovider: '%s' is no number up to %llu\n", text,
                (unsigned long long)most);
        exit(EXIT_USAGE);
    }
    return number;
}

static uint32_t small_number(const char *text)
{
    return (uint32_t)number_or_exit(text, 1000000000);
}

static unsigned dialect_or_exit(const char *text)
{
    unsigned flag = sim_dialect_flag(text);

    if (flag != 0) {
        return flag;
    }
    fprintf(stderr, "fakeprovider: no dialect is called '%s'\n", text);
    exit(EXIT_USAGE);
}

enum option_code {
    OPTION_LISTEN = 1000,
    OPTION_SERVERS,
    OPTION_TLS,
    OPTION_MODELS,
    OPTION_API_KEY,
    OPTION_BEHAVIOUR,
    OPTION_RULES,
    OPTION_DIALECT,
    OPTION_LATENCY,
    OPTION_TPS,
    OPTION_TOKENS,
    OPTION_SEED,
    OPTION_DIVISOR,
    OPTION_RECORD,
    OPTION_FAST,
    OPTION_BODY_BYTES,
    OPTION_EVENTS,
    OPTION_EVENT_MS,
    OPTION_LIST,
    OPTION_HELP,
};

static const struct option options_table[] = {
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"servers", required_argument, NULL, OPTION_SERVERS},
    {"tls", required_argument, NULL, OPTION_TLS},
    {"models", required_argument, NULL, OPTION_MODELS},
    {"api-key", required_argument, NULL, OPTION_API_KEY},
    {"behaviour", required_argument, NULL, OPTION_BEHAVIOUR},
    {"rules", required_argument, NULL, OPTION_RULES},
    {"dialect", required_argument, NULL, OPTION_DIALECT},
    {"latency-ms", required_argument, NULL, OPTION_LATENCY},
    {"tps", required_argument, NULL, OPTION_TPS},
    {"tokens", required_argument, NULL, OPTION_TOKENS},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"time-divisor", required_argument, NULL, OPTION_DIVISOR},
    {"record", required_argument, NULL, OPTION_RECORD},
    {"fast", no_argument, NULL, OPTION_FAST},
    {"body-bytes", required_argument, NULL, OPTION_BODY_BYTES},
    {"events", required_argument, NULL, OPTION_EVENTS},
    {"event-ms", required_argument, NULL, OPTION_EVENT_MS},
    {"list", no_argument, NULL, OPTION_LIST},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

/* Options that describe the server; false: not one of them. */
static bool take_profile_option(struct sim_profile *profile, int option)
{
    switch (option) {
    case OPTION_LISTEN:
        profile->address = optarg;
        return true;
    case OPTION_MODELS:
        profile->models = optarg;
        return true;
    case OPTION_API_KEY:
        profile->api_key = optarg;
        return true;
    case OPTION_BEHAVIOUR:
        profile->behaviours = optarg;
        return true;
    case OPTION_DIALECT:
        profile->dialects = dialect_or_exit(optarg);
        return true;
    case OPTION_LATENCY:
        profile->latency_ms = small_number(optarg);
        return true;
    case OPTION_TPS:
        profile->tokens_per_second = small_number(optarg);
        return true;
    case OPTION_TOKENS:
        profile->answer_tokens = small_number(optarg);
        return true;
    default:
        return false;
    }
}

static bool take_fast_option(struct sim_profile *profile, int option)
{
    switch (option) {
    case OPTION_FAST:
        break;
    case OPTION_BODY_BYTES:
        profile->fast_body_bytes = (size_t)number_or_exit(optarg, (uint64_t)64 << 20);
        break;
    case OPTION_EVENTS:
        profile->fast_events = (uint32_t)number_or_exit(optarg, 100000);
        break;
    case OPTION_EVENT_MS:
        profile->fast_event_ms = small_number(optarg);
        break;
    default:
        return false;
    }
    profile->fast = true;
    return true;
}

static void take_other_option(struct arguments *arguments, char **argv, int option)
{
    switch (option) {
    case OPTION_SERVERS:
        arguments->servers = (size_t)number_or_exit(optarg, SIM_SERVERS_MAX);
        break;
    case OPTION_TLS:
        arguments->certificate = optarg;
        arguments->key = argv[optind] == NULL ? "" : argv[optind++];
        break;
    case OPTION_RULES:
        arguments->rules_file = optarg;
        break;
    case OPTION_SEED:
        arguments->options.seed = number_or_exit(optarg, UINT64_MAX);
        break;
    case OPTION_DIVISOR:
        arguments->options.time_divisor = small_number(optarg);
        break;
    case OPTION_RECORD:
        arguments->options.record_requests = (size_t)number_or_exit(optarg, 10000000);
        break;
    case OPTION_LIST:
        print_list();
        exit(EXIT_SUCCESS);
    case OPTION_HELP:
        fputs(usage, stdout);
        exit(EXIT_SUCCESS);
    default:
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
}

static void parse_arguments(struct arguments *arguments, int argc, char **argv)
{
    int option;

    /* "+": the second file of --tls is taken by hand, so arguments must not be reordered */
    while ((option = getopt_long(argc, argv, "+", options_table, NULL)) != -1) {
        if (!take_profile_option(&arguments->profile, option) &&
            !take_fast_option(&arguments->profile, option)) {
            take_other_option(arguments, argv, option);
        }
    }
    if (optind != argc || arguments->servers == 0) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
}

static bool read_rules(struct arguments *arguments)
{
    char block[4096];
    size_t got;
    FILE *file = fopen(arguments->rules_file, "rb");

    if (file == NULL) {
        return false;
    }
    while ((got = fread(block, 1, sizeof(block), file)) > 0) {
        buf_append(&arguments->rules, slice_of(block, got));
    }
    bool good = ferror(file) == 0 && !arguments->rules.failed;
    (void)fclose(file);
    arguments->options.rules = buf_slice(&arguments->rules);
    return good;
}

static void print_ports(const struct sim *sim, size_t servers)
{
    printf("{\"port\":%u", sim_port(sim, 0));
    if (servers > 1) {
        printf(",\"ports\":[");
        for (size_t i = 0; i < servers; i++) {
            printf("%s%u", i == 0 ? "" : ",", sim_port(sim, i));
        }
        printf("]");
    }
    printf("}\n");
    (void)fflush(stdout);
}

/* Runs until a signal; the fleet's thread inherits the mask. */
static int run(struct arguments *arguments)
{
    struct sim_profile profiles[SIM_SERVERS_MAX];
    struct error error = {0};
    sigset_t signals;
    int signal_number;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    for (size_t i = 0; i < arguments->servers; i++) {
        profiles[i] = arguments->profile;
    }
    arguments->options.profiles = profiles;
    arguments->options.count = arguments->servers;
    struct sim *sim = sim_start(&arguments->options, &error);
    if (sim == NULL) {
        fprintf(stderr, "fakeprovider: %s\n", error.text);
        return EXIT_FAILURE;
    }
    print_ports(sim, arguments->servers);
    (void)sigwait(&signals, &signal_number);
    sim_stop(sim);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.servers = 1, .rules = BUF_INIT(RULES_MAX)};
    struct error error = {0};
    int status = EXIT_FAILURE;

    parse_arguments(&arguments, argc, argv);
    if (arguments.rules_file != NULL && !read_rules(&arguments)) {
        fprintf(stderr, "fakeprovider: cannot read %s\n", arguments.rules_file);
        goto out;
    }
    if (arguments.certificate != NULL) {
        arguments.profile.tls = tls_server_context(slice_from_cstr(arguments.certificate),
                                                   slice_from_cstr(arguments.key), &error);
        if (arguments.profile.tls == NULL) {
            fprintf(stderr, "fakeprovider: %s\n", error.text);
            goto out;
        }
    }
    status = run(&arguments);
out:
    SSL_CTX_free(arguments.profile.tls);
    buf_release(&arguments.rules);
    return status;
}
