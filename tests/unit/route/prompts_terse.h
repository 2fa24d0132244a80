/* SPDX-License-Identifier: Apache-2.0 */
/* Prompts as people type them in a hurry. Data of classify_test.c. */
#ifndef TESTS_ROUTE_PROMPTS_TERSE_H
#define TESTS_ROUTE_PROMPTS_TERSE_H

#include "tests/unit/route/prompts_general.h"

static const struct labelled_prompt prompts_terse[] = {
    {TASK_CLASSIFICATION, "Here's a customer message. Tell me if it's a complaint, a question or "
                          "praise: \"Where is my refund??\""},
    {TASK_CLASSIFICATION, "Spam or ham? WIN A FREE IPHONE NOW"},
    {TASK_CLASSIFICATION, "Decide for each word whether it is a noun or a verb: run, table, think"},
    {TASK_CLASSIFICATION, "What's the sentiment here: meh, could be better"},
    {TASK_EXTRACTION,
     "Get me the names of all people from this paragraph: Anna met Bob and later Carl joined."},
    {TASK_EXTRACTION,
     "Parse the following address into street, city and zip as JSON: 12 Elm St, Springfield 62704"},
    {TASK_EXTRACTION,
     "Which companies are mentioned? List them. Google and Apple sued Samsung yesterday."},
    {TASK_EXTRACTION,
     "extract keywords from this abstract: We study deep networks for protein folding."},
    {TASK_SUMMARIZATION, "give me the main takeaways from this call transcript\n\nAgent: hi. "
                         "Customer: my router is broken. Agent: we will send a new one."},
    {TASK_SUMMARIZATION,
     "Could I get a one-paragraph recap of the article?\n\nThe city council voted to close the old "
     "mill. Residents protested. The mayor promised a park."},
    {TASK_SUMMARIZATION, "summarise: climate change is affecting coffee harvests across the world, "
                         "farmers adapt by moving uphill"},
    {TASK_TRANSLATION, "Can you put this into Japanese? I'm running late"},
    {TASK_TRANSLATION, "Translate the user interface strings below to Brazilian Portuguese, keep "
                       "placeholders.\nHello {name}\nYou have {n} messages"},
    {TASK_REWRITE,
     "Could you make this paragraph sound more professional? we messed up ur order sorry"},
    {TASK_REWRITE, "tone down this message: You're completely wrong and you know it."},
    {TASK_REWRITE, "Check this for typos: Teh quick brwon fox"},
    {TASK_REWRITE, "give me a better way to say \"very happy\""},
    {TASK_QA_OPEN, "how tall is mount kilimanjaro"},
    {TASK_QA_OPEN, "Why do cats purr?"},
    {TASK_QA_OPEN, "I'd like to understand how vaccines work, can you explain?"},
    {TASK_QA_OPEN, "what happened in 1066?"},
    {TASK_QA_OPEN, "What are the symptoms of dehydration?"},
    {TASK_BRAINSTORMING, "I'm stuck, what could my startup be called? It sells socks"},
    {TASK_BRAINSTORMING, "Need 5 podcast topics on gardening"},
    {TASK_BRAINSTORMING, "help me think of icebreakers for a team offsite"},
    {TASK_BRAINSTORMING, "ideas for a rainy day with toddlers"},
    {TASK_GENERATION, "compose a birthday message for my grandma"},
    {TASK_GENERATION, "Write ad copy for noise cancelling headphones"},
    {TASK_GENERATION, "Please draft a resignation letter, two weeks notice"},
    {TASK_GENERATION, "tell me a bedtime story about a brave snail"},
    {TASK_GENERATION, "I want a cover letter for a barista job"},
    {TASK_REASONING,
     "Weigh the pros and cons of remote work for a 20 person startup and recommend a policy."},
    {TASK_REASONING,
     "Play devil's advocate against universal basic income, then evaluate your own arguments."},
    {TASK_MATH, "what is 15% of 80"},
    {TASK_MATH, "integrate x^2 * e^x dx"},
    {TASK_MATH, "A recipe needs 3 eggs for 12 muffins. How many eggs for 40 muffins?"},
    {TASK_MATH, "factor x^2 - 5x + 6"},
    {TASK_MATH, "Convert 72 degrees Fahrenheit to Celsius"},
    {TASK_MATH,
     "Lisa saves $12 a week. How much will she have after 9 weeks if she spends $20 once?"},
    {TASK_CHAT, "hiya, how's your day going?"},
    {TASK_CHAT, "thanks, you're the best!"},
    {TASK_CHAT, "ugh, mondays"},
    {TASK_CHAT, "good night bot"},
    {TASK_CODE_COMPLETION, "def fibonacci(n):\n    if n < 2:\n        return n\n    "},
    {TASK_CODE_COMPLETION, "Please complete the rest of this C++ class:\n```cpp\nclass Stack "
                           "{\npublic:\n  void push(int v) {\n```"},
    {TASK_CODE_BOILERPLATE, "create a basic next.js project skeleton with tailwind"},
    {TASK_CODE_BOILERPLATE, "docker compose file for postgres and redis"},
    {TASK_CODE_DOCS, "Walk me through what this bash script does\n```bash\nfor f in *.log; do gzip "
                     "\"$f\"; done\n```"},
    {TASK_CODE_DOCS, "write a readme for my python package"},
    {TASK_CODE_RENAME, "please rename all snake_case functions to camelCase in this "
                       "file\n```js\nfunction get_user() {}\n```"},
    {TASK_CODE_LINT, "black formatted version of this please\n```python\nx=1;y=2\n```"},
    {TASK_CODE_LINT, "tidy up formatting and remove unused variables in this snippet\n```ts\nlet "
                     "a=1;let b=2;console.log(a)\n```"},
    {TASK_CODE_FUNCTION, "javascript function to deep clone an object"},
    {TASK_CODE_FUNCTION, "given a list of dicts in python, how can I sort by the key \"age\"?"},
    {TASK_CODE_FUNCTION, "sql: select users who ordered more than 3 times last month"},
    {TASK_CODE_TESTS,
     "cover this reducer with vitest specs\n```ts\nexport const r = (s, a) => s;\n```"},
    {TASK_CODE_TESTS, "can you generate some unit tests for utils.py"},
    {TASK_CODE_REVIEW,
     "PR feedback please:\n```diff\n-  if (x) return;\n+  if (!x) { return; }\n```"},
    {TASK_CODE_REVIEW, "would you approve this change?\n```diff\n+ cache[key] = value\n```"},
    {TASK_CODE_FIX, "why does this give me IndexError: list index out of range\n```python\nfor i "
                    "in range(len(a)+1): print(a[i])\n```"},
    {TASK_CODE_FIX, "Getting CORS error when calling my API from React, how to solve it"},
    {TASK_CODE_ARCHITECTURE, "what database and message broker should we pick for a ride hailing "
                             "backend with 2 million daily users"},
    {TASK_CODE_REFACTOR, "this 800 line controller is unmaintainable, break it into "
                         "services\n```rb\nclass OrdersController\n```"},
    {TASK_CODE_REFACTOR,
     "port our express app from javascript to typescript across the whole repo"},
    {TASK_CODE_DEBUGGING,
     "our node process memory keeps growing until OOM after two days, how do we find the leak"},
    {TASK_CODE_DEBUGGING, "tests pass locally but fail on CI sometimes, help me find out why"},
    {TASK_CODE_SECURITY, "does this snippet have any injection "
                         "vulnerabilities?\n```py\nos.system(\"ping \" + host)\n```"},
    {TASK_CODE_SECURITY,
     "best way to store user passwords and session tokens securely in a node api"},
    {TASK_CODE_PERFORMANCE, "this nested loop is O(n^2), make it faster\n```python\nfor a in xs:\n "
                            "   for b in xs:\n        if a==b: c+=1\n```"},
    {TASK_CODE_PERFORMANCE,
     "our page load time went from 1s to 6s after adding the analytics script, how to optimize"},

    /* greetings asked for, verbs beside one line of code, orders after a negation */
    {TASK_CHAT, "Say hi"},
    {TASK_CHAT, "Say hello to me"},
    {TASK_CODE_FIX, "Fix this bug: for(i=0;i<=n;i++)a[i]=0;"},
    {TASK_CODE_PERFORMANCE, "optimize this loop for(i=0;i<n;i++) s+=a[i];"},
    {TASK_CODE_ARCHITECTURE, "plan the architecture of a payment system"},
    {TASK_TRANSLATION, "do not summarize, translate: hello"},
    {TASK_CODE_RENAME, "no need to explain, just rename x to y"},
    {TASK_TRANSLATION, "Translate to French: good morning"},
    {TASK_GENERATION, "write a haiku about the sea"},
    {TASK_MATH, "What's 17 * 23?"},
    {TASK_CODE_REVIEW, "Review my pull request"},
    {TASK_CODE_DEBUGGING, "My server crashes randomly under load, help me find out why"},
    /* and what only looks like those */
    {TASK_TRANSLATION, "How do you say hello in French?"},
    {TASK_TRANSLATION, "Say hello in Italian"},
    {TASK_QA_OPEN, "What happened in 1914-1918?"},
    {TASK_QA_OPEN, "Who designed the architecture of the Pantheon?"},
    {TASK_SUMMARIZATION, "Don't translate it, just summarize the article"},
    {TASK_MATH, "solve x^2 + 3 = 7;"},
};

#endif
