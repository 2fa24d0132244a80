/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ledger knows of time. Every record has the wall clock's word for when it was, and that
 * clock may be wrong, be put right, and be turned back; zones may be changed. So the writer keeps
 * book of the clock itself, in the table `clock_spans`: a row for each stretch in which it ran
 * evenly and no day, week or month ended. With it two questions have answers later on, whatever
 * the clock did:
 * - in which order was it, and how long ago: the ledger's own time, which only goes on. It is the
 *   wall clock plus the shift of the span. A jump while the process runs is seen against the
 *   monotonic clock. What passes between two processes nobody sees: it counts as nothing until the
 *   clock has been found trustworthy, then as what the clock says;
 * - which day, week and month was in force: the caps' own, in the zone of that time.
 *
 * Trust. A clock that is ahead of what was seen pass must not make anything old that cannot be
 * undone: it is believed when it has run evenly for clock_doubt_ns(). Until then
 * ledger_clock_known() goes on from where the clock was last believed, with the monotonic clock.
 * Retention goes by that.
 *
 * A jump of a few milliseconds back, or of less than a second ahead, is no jump. The writer's
 * thread, but for struct clock_times, which belongs to whoever reads it.
 */
#ifndef SLUICE_STORE_LEDGER_CLOCK_H
#define SLUICE_STORE_LEDGER_CLOCK_H

#include "base/clock.h"
#include "store/database.h"
#include "store/ledger_period.h"

/* The columns that a seal covers (ledger_control.h). */
#define CLOCK_COLUMNS "seq, run, begin_ns, end_ns, shift_ns, day_s, week_s, month_s"
#define CLOCK_NUMBERS 8

struct clock_span {
    int64_t seq; /* from 1 on; 0: there is none */
    int64_t run; /* which process */
    int64_t begin_ns;
    int64_t end_ns; /* the last moment that belongs to it */
    int64_t shift_ns;
    int64_t starts_s[CAP_ROLLING]; /* of the day, week and month in force; [CAP_TOTAL] is unused */
};
/* Of a start: which it was is not known (a ledger of before version 17). */
#define CLOCK_START_UNKNOWN (-1)

#define CLOCK_EVEN_NS (600 * NS_PER_S)
/* For so long a clock must run evenly that is ahead, or behind, by `gap_ns`: from one hour on,
 * longer where more is at stake, eight hours at most. */
int64_t clock_doubt_ns(int64_t gap_ns);

struct ledger_clock {
    const struct clock *clock;
    int64_t doubt_ns;         /* instead of clock_doubt_ns(); 0: that */
    struct clock_span span;   /* under way */
    struct clock_span *ended; /* those that the database does not have yet */
    size_t ended_count;
    size_t ended_cap;
    bool changed; /* the span, since it was written */
    bool begun;   /* this process has a span; else `span` is the last one's */
    struct period periods[CAP_ROLLING];
    struct instant seen;  /* the last look */
    struct instant even;  /* since then without a jump */
    struct instant first; /* of this process */
    int64_t last_end_ns;  /* the end of the process before; INT64_MIN: there was none */
    int64_t late_ns;      /* to be added to the shift of all spans of this process */
    bool trusted;         /* what passed before this process counts */
    int64_t believed_ns;  /* the wall clock was right about this, ... */
    int64_t believed_at;  /* ... at this time of the monotonic clock */
    bool stored;          /* this process has a span in the database */
};

/* Reads where the last process was. False: a database error. */
MUST_USE bool ledger_clock_load(struct ledger_clock *clock, sqlite3 *db, const struct clock *source,
                                int64_t doubt_ns);
void ledger_clock_release(struct ledger_clock *clock);
/* A record of the process before says that it was still there. */
void ledger_clock_was(struct ledger_clock *clock, int64_t wall_ns);
/* From here on it is this process. */
void ledger_clock_begin(struct ledger_clock *clock);
/* Looks at the clock: some times a second, and before records are read. */
void ledger_clock_look(struct ledger_clock *clock);
/* It is at least this late, as far as anybody can know: never later than the wall clock says. */
int64_t ledger_clock_known(const struct ledger_clock *clock);
/* Inside the caller's transaction: what is not in the database yet. The connection has seal(). */
MUST_USE bool ledger_clock_write(struct ledger_clock *clock, sqlite3 *db);
/* It was committed. */
void ledger_clock_written(struct ledger_clock *clock);

/* --- reading ---------------------------------------------------------------------------------- */

struct clock_times {
    struct clock_span *spans; /* in order */
    int64_t *ends;            /* of each, the latest end of it and those before it ... */
    int64_t *begins;          /* ... and the first beginning of it and those behind it */
    size_t count;
    int64_t *edges; /* when spans and their periods began, by the wall clock, in order */
    size_t edge_count;
};

/* False: a database error. */
MUST_USE bool clock_times_load(struct clock_times *times, sqlite3 *db);
void clock_times_release(struct clock_times *times);

/* What is known of a moment that the wall clock named. */
struct clock_moment {
    int64_t time_ns;               /* the ledger's own; of several, the latest */
    int64_t first_ns;              /* the earliest */
    const struct clock_span *span; /* the latest; NULL: the clock was not watched then */
    bool once;                     /* there was one such moment, or nobody watched */
};
struct clock_moment clock_times_at(const struct clock_times *times, int64_t wall_ns);
/* No span, and no period of one, began between these, by the wall clock. */
bool clock_times_even(const struct clock_times *times, int64_t from_ns, int64_t until_ns);
/* The span of a time of the ledger; NULL: nobody watched the clock then. */
const struct clock_span *clock_times_span(const struct clock_times *times, int64_t time_ns);

#endif
