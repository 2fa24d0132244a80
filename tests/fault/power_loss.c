/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated power losses below the journal and SQLite: a ledger is filled, the power goes at some
 * event (a write, a sync, a rename, an append; in the start, under load, in the end), the disk
 * keeps what power_disk.h says, the ledger is opened again. What was synced before must be there,
 * exactly once and as it was written; no torn record may count; ledger_verify() must hold; and what
 * one start has said of a call, every later one must say. Then it goes on with that ledger, some
 * losses long. Some lives are long, so that the journal writes segments again that are read.
 *
 * At the end the disk lies: with syncs that do nothing the same test must find violations.
 *
 *   power_loss [--losses N] [--seed N] [--lies 0]    (SLUICE_POWER_LOG=1: with the ledger's log)
 */
#include "base/log.h"
#include "store/database.h"
#include "store/journal_segment.h"
#include "tests/fault/power_calls_made.h"
#include "tests/fault/power_disk.h"
#include "tests/fault/power_vfs.h"
#include "tests/unit/store/store_testing.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <time.h>

#define LONG_EACH 4      /* of so many ledgers one lives long: of the losses about one in eight */
#define SPAN_LONG 8000   /* events before a loss, of those */
#define AGAIN_LOSSES 100 /* among so many losses segments must have been written again */
#define LYING_LOSSES 400 /* a lie must be found within so many */
#define WINDOW_MS 1000.0 /* ledger.sync is 1 to 3 ms; the rest is a busy machine's */

struct pace {
    uint64_t chain_max; /* losses of one ledger */
    uint64_t steps_max; /* appends between two of them */
};

static const struct pace short_pace = {.chain_max = 10, .steps_max = 160};
static const struct pace long_pace = {.chain_max = 3, .steps_max = 2500};

struct life {
    const struct pace *pace;
    char root[96];
    char after[96];
    char path[128];
    struct random random;
    struct ledger *ledger;
};

static struct {
    uint64_t losses;
    uint64_t at_start;  /* of these, while the ledger was opened */
    uint64_t lost;      /* records in doubt */
    double oldest_ms;   /* the longest that one had been in doubt */
    uint64_t set_aside; /* segments that could not be read */
    uint64_t events;
} sums;

static char base[64];

/* Segments with the header of an earlier life that got a new one, with the power on. */
static _Atomic uint64_t begun_again;
/* Of these, such that were taken for synced or used as far as in their earlier life. */
static _Atomic uint64_t begun_stale;

/* The linker puts it between the journal and segment_begin(). */
void __real_segment_begin(struct segment *segment, uint64_t first_record, int64_t wall_ns);
void __wrap_segment_begin(struct segment *segment, uint64_t first_record, int64_t wall_ns);
void __wrap_segment_begin(struct segment *segment, uint64_t first_record, int64_t wall_ns)
{
    if (segment->map[0] != '\0' && !power_is_lost()) {
        atomic_fetch_add(&begun_again, 1);
        atomic_fetch_add(&begun_stale, segment->synced != 0 || atomic_load(&segment->used) != 0);
    }
    __real_segment_begin(segment, first_record, wall_ns);
}

static bool open_life(struct life *life)
{
    static const size_t batches[] = {8, 64, 8192};
    struct error error = {0};
    struct ledger_options options = {
        .path = life->path,
        .batch_ms = 1 + random_below(&life->random, 4),
        .batch_records = batches[random_below(&life->random, ARRAY_LEN(batches))],
    };
    options.journal.segment_bytes = 1 << 16;
    options.journal.segments_max = 3 + random_below(&life->random, 6);
    options.journal.sync_ms = 1 + random_below(&life->random, 3);
    life->ledger = ledger_open(&options, &error);
    if (life->ledger == NULL && !power_is_lost()) {
        printf("# the ledger does not open: %s: %s\n", error.code, error.text);
        return false;
    }
    return true;
}

/* SQLite moves its log into the database after thousands of pages, else: this is to see it happen.
 */
static void run_checkpoint(struct life *life)
{
    struct error error;
    sqlite3 *db = database_open(life->path, DATABASE_CHANGE, &error);
    if (db != NULL) {
        (void)!database_exec(db, random_below(&life->random, 2) == 0
                                     ? "PRAGMA wal_checkpoint(PASSIVE)"
                                     : "PRAGMA wal_checkpoint(TRUNCATE)");
        sqlite3_close(db);
    }
}

static void load(struct life *life)
{
    uint64_t steps = random_below(&life->random, life->pace->steps_max);
    const struct timespec moment = {.tv_nsec = 100000};
    for (uint64_t i = 0; i < steps && !power_is_lost(); i++) {
        uint64_t choice = random_next(&life->random);
        if (!made_append(ledger_journal(life->ledger), choice)) {
            nanosleep(&moment, NULL); /* its threads make room */
        }
        if (choice % 31 == 0) {
            run_checkpoint(life);
        } else if (choice % 37 == 0) {
            if (ledger_flush(life->ledger, 200) && !power_is_lost()) {
                made_flushed();
            }
        } else if (choice % 11 == 0) {
            nanosleep(&moment, NULL); /* the syncer and the writer get their turn */
        }
    }
}

static void count_set_aside(const struct life *life)
{
    char path[160];
    snprintf(path, sizeof(path), "%s-journal.d", life->path);
    DIR *list = opendir(path);
    const struct dirent *entry;
    while (list != NULL && (entry = readdir(list)) != NULL) {
        sums.set_aside += strstr(entry->d_name, ".damaged") != NULL;
    }
    if (list != NULL) {
        closedir(list);
    }
}

/* From a start to a loss. False: something was wrong. */
static bool live(struct life *life, bool fresh)
{
    bool sound = open_life(life);
    if (sound && power_is_lost()) {
        sums.at_start++;
    } else if (sound) {
        sound = fresh || made_check(life->path) == 0;
        count_set_aside(life);
    }
    if (sound && !power_is_lost()) {
        load(life);
    }
    if (random_below(&life->random, 2) == 0) {
        power_lose();
    }
    ledger_close(life->ledger, power_is_lost() ? 0 : 1000);
    life->ledger = NULL;
    if (!power_is_lost()) {
        made_closed();
        power_lose();
    }
    return sound;
}

static bool lose_once(struct life *life, uint64_t seed, bool fresh, enum power_lie lie)
{
    uint64_t lost;
    double oldest_ms;
    random_seed(&life->random, seed);
    uint64_t span = random_below(&life->random, 4) == 0 ? 30
                    : life->pace == &long_pace          ? SPAN_LONG
                                                        : 500;
    const struct power_options options = {
        .root = life->root,
        .after = life->after,
        .seed = random_next(&life->random),
        .lose_at = 1 + random_below(&life->random, span),
        .lie = lie,
        .on_loss = made_freeze,
    };
    snprintf(life->path, sizeof(life->path), "%s/sluice.db", life->root);
    power_begin(&options);
    bool sound = live(life, fresh);
    sums.events += power_events();
    power_end();
    made_lose(&lost, &oldest_ms);
    sums.losses++;
    sums.lost += lost;
    sums.oldest_ms = oldest_ms > sums.oldest_ms ? oldest_ms : sums.oldest_ms;
    remove_tree(life->root, 2);
    return sound;
}

/* Losses of one ledger, `count` of them; the last one's ledger is opened and compared, too. False:
 * something was wrong. */
static bool run_chain(uint64_t seed, const struct pace *pace, uint64_t count, enum power_lie lie)
{
    struct life life = {.pace = pace};
    bool sound = true;
    bool opened = false;
    made_reset(1 + seed % 100000);
    snprintf(life.after, sizeof(life.after), "%s/0", base);
    CHECK(mkdir(life.after, 0700) == 0);
    for (uint64_t i = 0; sound && i < count; i++) {
        memcpy(life.root, life.after, sizeof(life.root));
        snprintf(life.after, sizeof(life.after), "%s/%llu", base, (unsigned long long)i + 1);
        sound = lose_once(&life, seed * 64 + i, !opened && i == 0, lie);
        opened = true;
    }
    if (sound) { /* the power stays on */
        snprintf(life.path, sizeof(life.path), "%s/sluice.db", life.after);
        sound = open_life(&life) && made_check(life.path) == 0;
        ledger_close(life.ledger, 1000);
    }
    remove_tree(life.after, 2);
    return sound;
}

static bool run_losses(uint64_t seed, uint64_t losses, enum power_lie lie)
{
    uint64_t end = sums.losses + losses;
    for (uint64_t chain = seed; sums.losses < end; chain++) {
        uint64_t left = end - sums.losses;
        const struct pace *pace = chain % LONG_EACH == 0 ? &long_pace : &short_pace;
        uint64_t count = 1 + chain % pace->chain_max;
        if (!run_chain(chain, pace, count < left ? count : left, lie)) {
            if (lie == LIE_NONE) {
                printf("# repeat it with --seed %llu --losses %llu\n", (unsigned long long)chain,
                       (unsigned long long)count);
            }
            return false;
        }
    }
    return true;
}

static int number;
static int failed;

static void tell(bool done, const char *says)
{
    failed += !done;
    printf("%sok %d - %s\n", done ? "" : "not ", ++number, says);
    fflush(stdout);
}

static void run_truth(uint64_t seed, uint64_t losses)
{
    char says[96];
    struct timespec start;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    bool sound = run_losses(seed, losses, LIE_NONE);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("# %llu losses (%llu while opening) in %ld s, %llu events; in doubt: %llu records, the "
           "longest for %.1f ms; segments written again: %llu, set aside: %llu\n",
           (unsigned long long)sums.losses, (unsigned long long)sums.at_start,
           (long)(end.tv_sec - start.tv_sec), (unsigned long long)sums.events,
           (unsigned long long)sums.lost, sums.oldest_ms,
           (unsigned long long)atomic_load(&begun_again), (unsigned long long)sums.set_aside);
    snprintf(says, sizeof(says), "%llu power losses: what was synced is there, exactly once",
             (unsigned long long)losses);
    tell(sound, says);
    tell(sums.oldest_ms < WINDOW_MS, "no record was in doubt for longer than the window");
    if (losses >= AGAIN_LOSSES) {
        tell(atomic_load(&begun_again) > 0, "segments of the journal were written again");
    }
    tell(atomic_load(&begun_stale) == 0, "none of them counted as synced before it was written");
}

static void run_lies(uint64_t seed)
{
    static const char *const lies[LIE_COUNT] = {
        [LIE_MSYNC] = "a journal that is not synced is found out",
        [LIE_SQLITE] = "a database that is not synced is found out",
        [LIE_NAMES] = "a directory that is not synced is found out",
    };
    for (int lie = LIE_NONE + 1; lie < LIE_COUNT; lie++) {
        printf("# what follows is wanted: %s\n", lies[lie]);
        tell(!run_losses(seed, LYING_LOSSES, (enum power_lie)lie), lies[lie]);
    }
}

int main(int argc, char **argv)
{
    uint64_t seed = (uint64_t)time(NULL);
    uint64_t losses = 200;
    bool lies = true;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seed") == 0) {
            seed = value;
        } else if (strcmp(argv[i], "--losses") == 0) {
            losses = value;
        } else if (strcmp(argv[i], "--lies") == 0) {
            lies = value != 0;
        }
    }
    printf("# seed %llu\n", (unsigned long long)seed);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    CHECK(nowhere >= 0);
    if (getenv("SLUICE_POWER_LOG") ==
        NULL) { /* it would say a thousand times that calls were cut off */
        log_start(nowhere, LOG_FORMAT_TEXT, LOG_ERROR);
    }
    snprintf(base, sizeof(base), "%s/sluice-power-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(base) != NULL);
    power_vfs_install();
    run_truth(seed, losses);
    if (lies) {
        run_lies(seed);
    }
    remove_tree(base, 3);
    log_stop();
    close(nowhere);
    printf("1..%d\n", number);
    return failed == 0 ? 0 : 1;
}
