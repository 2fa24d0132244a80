# SPDX-License-Identifier: Apache-2.0
"""Templated prompts of the demo's workloads. A template knows its task and how hard it was made to be."""

import hashlib
import itertools
import random

FUNCTIONS = [
    "parse_duration",
    "merge_intervals",
    "slugify",
    "retry_with_backoff",
    "read_csv_header",
    "format_bytes",
    "group_by_key",
    "is_valid_iban",
    "chunk_list",
    "deep_merge",
    "levenshtein",
    "debounce",
    "flatten_tree",
    "rotate_log",
    "normalize_path",
    "count_words",
    "round_half_even",
    "split_name",
    "mask_email",
    "next_workday",
]
DOES = [
    "that turns '1h30m' into seconds",
    "that merges overlapping intervals",
    "that makes a URL slug from a title",
    "that retries a call with growing pauses",
    "that reads the header of a CSV file",
    "that prints bytes as KB or MB",
    "that groups records by a key",
    "that checks the checksum of an IBAN",
    "that cuts a list into chunks of n",
    "that merges two nested maps",
    "that computes the edit distance of two strings",
    "that delays calls until quiet",
    "that flattens a tree into a list",
    "that rotates a log file by size",
    "that resolves '..' in a path",
    "that counts the words of a text",
    "that rounds half to even",
    "that splits a full name",
    "that masks an e-mail",
    "that finds the next working day",
]
LANGUAGES = ["Python", "TypeScript", "Go", "Rust", "Java", "C#"]
MODULES = [
    "the payment service",
    "our session store",
    "the image pipeline",
    "the job scheduler",
    "the search indexer",
    "the message queue consumer",
    "the permissions layer",
    "the billing exporter",
    "the sync client",
    "the report generator",
]
STACKS = [
    "Python and PostgreSQL",
    "Go and Redis",
    "Java and Kafka",
    "TypeScript and MongoDB",
    "Rust and SQLite",
]
TONGUES = ["French", "German", "Spanish", "Japanese", "Italian", "Portuguese", "Dutch"]
SENTENCES = [
    "The delivery will arrive on Tuesday after nine.",
    "Please send me the signed contract by Friday.",
    "Where is the nearest train station?",
    "Our office is closed on public holidays.",
    "The second quarter was better than we expected.",
    "Thank you for your patience and understanding.",
    "The lift is out of order, use the stairs.",
    "We look forward to your visit in June.",
    "This offer is valid until the end of the month.",
    "Could you call me back this afternoon?",
    "The new version is available for download.",
    "Keep the receipt for your warranty.",
    "He has been working here for eleven years.",
    "Turn left after the bridge and go straight on.",
]
CLUMSY = [
    "i wanted to ask if maybe you could possibly send the numbers when you have time",
    "We are in receipt of your letter and have taken note of the contents thereof.",
    "the meeting was good but also it was long and also nobody decided anything",
    "Your request can not be processed because the form is wrong, fill it again.",
    "It is important to note that the server will be down for some time on saturday.",
    "you never told us about the delay and now the customer is angry",
    "The report, which was written by the team, that was asked for it, is late.",
    "hey just checking did you get my mail from last week or not",
    "Me and him was thinking the invoice are to high.",
    "In order to be able to start, it is necessary that all users do a restart.",
]
MAILS = [
    "Hi team, the release moved from Monday to Thursday because the migration took longer than planned; QA starts "
    "on Tuesday and marketing is informed.",
    "Dear customer, invoice 4711 over 129.90 EUR was due on 3 May; please pay by 17 May to avoid a fee.",
    "Thanks for the call. We agreed on two licences, a trial until June and a review with Dana in July.",
    "Hello Sam, the parcel 88-120 left Hamburg on 2 March and should reach you on 6 March; the driver calls before.",
    "All, the fire drill is on 14 October at 10:30. Meet at gate B, leave laptops behind, Lena takes the roll call.",
    "Good news: Acme signed for 40 seats at 12 USD each, starting 1 September, with Ravi as their contact.",
    "The heating in room 204 failed again on Sunday; the plumber, Mr Ortiz, comes on Wednesday between 8 and 10.",
    "Minutes: budget cut by 5 %, hiring paused until Q3, Mia owns the vendor list, next meeting on 9 November.",
]
PIECES = [
    "an e-mail to a customer whose order is late",
    "a short product announcement for {x}",
    "a friendly reminder about unpaid invoices",
    "a job advertisement for {x}",
    "release notes in plain words for {x}",
    "a speech of one minute for a colleague who retires",
    "a blog post introduction about {x}",
    "an apology for yesterday's outage of {x}",
    "three social media posts about {x}",
    "an FAQ of five entries on {x}",
]
THINGS = [
    "a budgeting app",
    "a bike repair shop",
    "a reading app for children",
    "an office coffee subscription",
    "a weather service for farmers",
    "a library's new opening hours",
    "a city walking tour",
    "a solar panel kit",
    "a language course",
    "an event ticket shop",
    "a second-hand furniture store",
    "a note-taking tool",
    "a pet sitting service",
    "a tax helper",
    "a music school",
    "a recycling programme",
    "a hiking club",
    "a podcast studio",
    "a farm shop",
    "a repair café",
    "a chess club",
    "a car sharing scheme",
    "a bakery",
    "a choir",
    "an allotment garden",
]
CHAT = [
    "Hi!",
    "Hello, how are you?",
    "Good morning",
    "Thanks, that helped",
    "ok, bye",
    "Hey there",
    "Good evening!",
    "Thank you so much",
    "How is it going?",
    "Nice, thanks",
    "See you tomorrow",
    "hi, anyone there?",
    "What's up?",
    "Great, that works",
    "hello again",
    "Thanks for your help yesterday",
    "good night",
    "lol nice one",
    "How was your weekend?",
    "Are you a real person?",
    "Tell me a joke",
    "I'm a bit tired today",
    "You're great",
    "ok cool",
    "Good afternoon",
    "Happy Friday!",
    "sorry, wrong window",
    "never mind, found it",
    "Hi bot",
    "Can we chat for a minute?",
    "cheers",
    "Have a nice day",
]
HEADS = {
    "Python": 'def {f}(value):\n    """A function {d}."""\n',
    "TypeScript": "export function {f}(value: string): string {{\n  // {d}\n  const ",
    "Go": "// {f} is a function {d}.\nfunc {f}(value string) (string, error) {{\n\tif ",
    "Rust": "/// A function {d}.\npub fn {f}(value: &str) -> Result<String, Error> {{\n    let ",
    "Java": "/** A function {d}. */\nstatic String {f}(String value) {{\n    if (value == null) {{\n        ",
    "C#": "// A function {d}.\npublic static string {f}(string value)\n{{\n    if (",
}
SIMPLE_CODE = [
    (
        "code_docs",
        [
            "Write a docstring for the {l} function `{f}` {d}.",
            "Add comments to the {l} function `{f}`.",
            "Document the parameters and errors of `{f}` ({l}) for our API reference.",
        ],
    ),
    (
        "code_rename",
        [
            "Rename the variable `tmp` to `result` everywhere in the {l} function `{f}`.",
            "Rename `{f}` to something clearer and update its callers ({l}).",
            "Convert the local names in `{f}` ({l}) to our naming convention.",
        ],
    ),
    (
        "code_lint",
        [
            "Fix the lint warnings in `{f}` ({l}): unused import, line too long, missing newline at the end.",
            "Format the {l} file with `{f}` by our style guide, change nothing else.",
            "Remove unused imports and sort the rest in the {l} module of `{f}`.",
        ],
    ),
    (
        "code_boilerplate",
        [
            "Generate a {l} project skeleton with one package, a main file and a test folder for `{f}`.",
            "Create the boilerplate of a {l} command line tool around `{f}`.",
            "Write the build configuration and a Dockerfile for a small {l} service that exposes `{f}`.",
        ],
    ),
]
MIDDLING_CODE = [
    (
        "code_function",
        [
            "Write a {l} function `{f}` {d}, with error handling.",
            "Implement `{f}` in {l}: a function {d}.",
            "I need a {l} function {d}; call it `{f}`.",
        ],
    ),
    (
        "code_tests",
        [
            "Write unit tests for the {l} function `{f}` {d}, edge cases included.",
            "Add table driven tests for `{f}` ({l}): empty input, one element, many elements, bad input.",
            "Which tests are missing for `{f}` in {l}? Write them.",
        ],
    ),
    (
        "code_review",
        [
            "Review this pull request: it adds `{f}` to {m} ({l}). What would you ask the author to change?",
            "Review the {l} code of `{f}` in {m}: names, error handling, readability.",
            "Please give feedback on my {l} implementation of `{f}` before I merge it into {m}.",
        ],
    ),
    (
        "code_fix",
        [
            "Fix this bug: `{f}` ({l}) returns an empty result when the input has exactly one element.",
            "`{f}` in {m} throws a null reference exception in {l}. Fix it.",
            "The {l} test of `{f}` fails: expected 3, got 4. Find the mistake and correct the function.",
        ],
    ),
]
HARD_CODE = [
    (
        "code_architecture",
        [
            "Design the architecture for splitting {m} into services: data ownership, consistency, failure "
            "modes, migration without downtime. We use {s}.",
            "Design a multi-region version of {m} ({s}) that survives the loss of a region without losing "
            "a write; compare at least two designs and their costs.",
            "We must make {m} multi-tenant ({s}): isolation, quotas, schema changes, noisy neighbours. "
            "Propose a system design with trade-offs.",
        ],
    ),
    (
        "code_debugging",
        [
            "After some hours {m} ({s}) deadlocks under load although every lock is taken in order. Only one of "
            "twelve hosts shows it. How do I find the cause?",
            "About once in a million requests {m} ({s}) answers with the data of another user. We cannot "
            "reproduce it. Find the root cause step by step.",
            "Memory of {m} ({s}) grows by 1 % per hour and the profiler shows nothing that is held. What could "
            "leak and how do I prove it?",
        ],
    ),
    (
        "code_security",
        [
            "Review {m} ({s}) for security holes: authentication, injection, race conditions between check and "
            "use, secrets in logs. Explain how each could be exploited.",
            "Write a threat model for {m} ({s}) with attackers inside and outside, and rank the mitigations.",
            "A researcher claims that {m} ({s}) lets an attacker read other tenants' files by a path traversal. "
            "Audit the design and close the whole class of vulnerabilities.",
        ],
    ),
    (
        "code_performance",
        [
            "The p99 latency of {m} ({s}) grew from 40 ms to 900 ms after we doubled the traffic; CPU is at "
            "30 %. Find the bottleneck and propose a fix that keeps ordering.",
            "Make {m} ({s}) ten times faster without more hardware: where do you measure, what do you expect "
            "to find, which optimizations in which order?",
            "Garbage collection takes 35 % of the time in {m} ({s}). Reduce allocations and latency without "
            "changing the public API.",
        ],
    ),
    (
        "code_refactor",
        [
            "Refactor {m} ({s}) from callbacks to an event-sourced design across all its modules without "
            "changing the public API, step by step with tests.",
            "Untangle {m} ({s}): forty files import each other in circles. Plan the refactoring in steps that "
            "can each be released.",
            "Migrate {m} ({s}) to a new schema across all services while old and new clients are both live.",
        ],
    ),
]
NAMES = ["Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana"]


def row(prompt, task, difficulty=None):
    result = {"prompt": prompt, "task": task}
    if difficulty is not None:
        result["difficulty"] = difficulty
    return result


def seating(number):
    """Who sits where? Five people in a row; clues are added until one order is left."""
    dice = random.Random(int(hashlib.sha256(str(number).encode()).hexdigest(), 16))
    people = dice.sample(NAMES, 5)
    orders = list(itertools.permutations(people))
    truth = dice.choice(orders)
    clues = []
    while len(orders) > 1:
        a, b = dice.sample(people, 2)
        gap = truth.index(a) - truth.index(b)
        kinds = [
            (
                f"{a} sits somewhere to the {'right' if gap > 0 else 'left'} of {b}",
                lambda o, a=a, b=b, s=gap > 0: (o.index(a) > o.index(b)) == s,
            ),
            (
                f"{a} and {b} {'sit' if abs(gap) == 1 else 'do not sit'} next to each other",
                lambda o, a=a, b=b, n=abs(gap) == 1: (abs(o.index(a) - o.index(b)) == 1) == n,
            ),
        ]
        text, holds = dice.choice(kinds)
        left = [o for o in orders if holds(o)]
        if len(left) < len(orders):
            orders = left
            clues.append(text)
    ask = dice.choice(
        [
            "Who sits in the middle?",
            "Who sits at the left end?",
            "Give the whole order from left to right.",
        ]
    )
    return f"{', '.join(people[:4])} and {people[4]} sit in a row. {'. '.join(clues)}. {ask} Explain your reasoning step by step."


def words():
    for s, t in itertools.product(SENTENCES, TONGUES):
        yield row(f"Translate to {t}: {s}", "translation", "easy")
        yield row(f'How do you say this in {t}? "{s}"', "translation", "easy")
        yield row(
            f"Please give me the {t} translation of this sentence, nothing else.\n\n{s}",
            "translation",
            "easy",
        )
        yield row(f"I need this in {t} for a sign: {s}", "translation", "easy")
    for text in CLUMSY:
        for ask in (
            "Rewrite this to sound more polite: ",
            "Fix the grammar: ",
            "Make this shorter: ",
            "Rephrase for a customer: ",
            "Make this more formal: ",
            "Say this in plain English: ",
            "Proofread this sentence: ",
            "Make it friendlier: ",
        ):
            yield row(ask + text, "rewrite", "easy")
            yield row(ask.rstrip(": ") + ".\n\n" + text, "rewrite", "easy")
            yield row("Could you help me? " + ask + '"' + text + '"', "rewrite", "easy")
    for mail in MAILS:
        for ask in (
            "Summarize this mail in one sentence: ",
            "TL;DR: ",
            "What are the key points of this message?\n\n",
            "Give me a short summary.\n\n",
            "Sum this up for my manager: ",
            "In ten words, what is this about?\n\n",
            "Summarise as two bullet points:\n",
            "Summarize, without naming anybody: ",
        ):
            yield row(ask + mail, "summarization", "easy")
        for ask in (
            "Extract all dates as a JSON list: ",
            "List the names, amounts and dates in this text: ",
            "Extract the numbers from this message: ",
            "Who is named in this mail? Extract the names only.\n\n",
            "Pull out every date and what happens then.\n\n",
            "Return sender, date and action as JSON.\n\n",
            "Find all amounts of money or quantities in: ",
            "Extract the deadlines, one per line.\n\n",
        ):
            yield row(ask + mail, "extraction", "easy")
    for greeting in CHAT:
        yield row(greeting, "chat", "easy")
    for piece, thing in itertools.product(PIECES, THINGS):
        yield row("Write " + piece.format(x=thing) + ".", "generation")
    for number in range(240):
        yield row(seating(number), "reasoning", "hard")


def code():
    for l, (f, d) in itertools.product(LANGUAGES, zip(FUNCTIONS, DOES)):
        yield row(
            f"Complete this {l} code:\n\n" + HEADS[l].format(f=f, d=d), "code_completion", "easy"
        )
        yield row(HEADS[l].format(f=f, d=d), "code_completion", "easy")
        for task, texts in SIMPLE_CODE:
            for text in texts:
                yield row(text.format(l=l, f=f, d=d), task, "easy")
        for task, texts in MIDDLING_CODE:
            for i, text in enumerate(texts):
                m = MODULES[(FUNCTIONS.index(f) + i + LANGUAGES.index(l)) % len(MODULES)]
                yield row(text.format(l=l, f=f, d=d, m=m), task)
    for (task, texts), m, s in itertools.product(HARD_CODE, MODULES, STACKS):
        for text in texts:
            yield row(text.format(m=m, s=s), task, "hard")


def templates():
    yield from words()
    yield from code()


def code_day_templates():
    yield from code()
