/* SPDX-License-Identifier: Apache-2.0 */
/* The same for programming. Data of classify_test.c. */
#ifndef TESTS_ROUTE_PROMPTS_CODE_H
#define TESTS_ROUTE_PROMPTS_CODE_H

#include "tests/unit/route/prompts_general.h"

#define SNIPPET                                                                                    \
    "```python\ndef total(items):\n    result = 0\n    for item in items:\n        result += "     \
    "item.price\n"                                                                                 \
    "    return result\n```\n"
#define GO                                                                                         \
    "```go\nfunc (c *Cache) Get(key string) (int, bool) {\n\tc.mu.Lock()\n\tv, ok := c.m[key]\n"   \
    "\tc.mu.Unlock()\n\treturn v, ok\n}\n```\n"

static const struct labelled_prompt prompts_code[] = {
    {TASK_CODE_COMPLETION,
     "Complete the following function:\n\n```js\nfunction debounce(fn, wait) {\n  let timer;\n```"},
    {TASK_CODE_COMPLETION, "def is_palindrome(text: str) -> bool:\n    \"\"\"Return True if text "
                           "reads the same backwards.\"\"\"\n"},
    {TASK_CODE_COMPLETION, "finish this code\n\nfor (int i = 0; i < n; i++) {\n    sum +="},
    {TASK_CODE_COMPLETION,
     "from typing import List\n\n\ndef mean(values: List[float]) -> float:\n    \"\"\" Average of "
     "values\n    >>> mean([1, 3])\n    2.0\n    \"\"\"\n"},
    {TASK_CODE_COMPLETION,
     "Fill in the missing lines of the method:\n```java\npublic int size() {\n    // TODO\n}\n```"},
    {TASK_CODE_COMPLETION, "Continue this SQL statement: SELECT name, total FROM orders WHERE"},
    {TASK_CODE_COMPLETION,
     "#include <stdio.h>\n\nint main(void)\n{\n    for (int i = 0; i < 10; i++) {\n"},
    {TASK_CODE_COMPLETION, "What comes next in this snippet? Suggest the next "
                           "line.\n\n```python\nwith open(path) as f:\n```"},
    {TASK_CODE_COMPLETION, "autocomplete: const users = await db.collection('users').find("},
    {TASK_CODE_COMPLETION, "Complete the code without rewriting the rest.\n" SNIPPET},
    {TASK_CODE_COMPLETION, "import os\n\ndef list_files(root):\n    for name in "
                           "os.listdir(root):\n        if name.endswith('.py'):\n"},
    {TASK_CODE_COMPLETION, "Finish the body of this Rust function:\n```rust\nfn clamp(x: i32, lo: "
                           "i32, hi: i32) -> i32 {\n```"},

    {TASK_CODE_BOILERPLATE, "Generate boilerplate for an Express app with TypeScript."},
    {TASK_CODE_BOILERPLATE, "Scaffold a Django project with one app called blog."},
    {TASK_CODE_BOILERPLATE, "Write a Dockerfile for a Node 20 service."},
    {TASK_CODE_BOILERPLATE, "Give me a starter template for a Flask API."},
    {TASK_CODE_BOILERPLATE, "Create CRUD endpoints skeleton for a Product model in FastAPI"},
    {TASK_CODE_BOILERPLATE, "add getters and setters to this Java class\n\npublic class User {\n   "
                            " private String name;\n}\n"},
    {TASK_CODE_BOILERPLATE,
     "Set up a new React project structure with Vite and ESLint config files."},
    {TASK_CODE_BOILERPLATE, "Generate a .gitignore for a Python repo"},
    {TASK_CODE_BOILERPLATE, "write a github actions workflow yaml that builds a go module"},
    {TASK_CODE_BOILERPLATE, "Create the DTO classes for this JSON: {\"id\": 1, \"name\": \"x\"}"},
    {TASK_CODE_BOILERPLATE,
     "Minimal pyproject.toml for a library, please. Do not write any tests."},
    {TASK_CODE_BOILERPLATE, "hello world web server in golang"},

    {TASK_CODE_DOCS, "Write a docstring for this function.\n" SNIPPET},
    {TASK_CODE_DOCS, "Explain what this code does.\n" GO},
    {TASK_CODE_DOCS, "Add comments to the following code:\n" SNIPPET},
    {TASK_CODE_DOCS, "Generate a README for my CLI tool that renames photos."},
    {TASK_CODE_DOCS, "Document the public API of this module in JSDoc style\n```js\nexport "
                     "function add(a, b) { return a + b; }\n```"},
    {TASK_CODE_DOCS, "what does this regex do: ^[a-z]+\\d{2,}$"},
    {TASK_CODE_DOCS,
     "Write the changelog entry for the release: new cache, fixed login, faster build"},
    {TASK_CODE_DOCS, "Don't change the code, only add Javadoc comments.\n```java\npublic int "
                     "add(int a, int b) { return a + b; }\n```"},
    {TASK_CODE_DOCS, "Explain this SQL query to me: SELECT a.id, COUNT(*) FROM a JOIN b ON a.id = "
                     "b.a_id GROUP BY a.id;"},
    {TASK_CODE_DOCS, "Could you document the REST endpoints of the orders service?"},
    {TASK_CODE_DOCS, "comment every line of this script\n```bash\nset -e\ncp -r src dist\n```"},
    {TASK_CODE_DOCS,
     "Write API documentation with usage examples for the function parse_date(text, format)."},

    {TASK_CODE_RENAME, "Rename the variable x to total in this function.\n" SNIPPET},
    {TASK_CODE_RENAME, "rename getUser to fetchUser everywhere in the file"},
    {TASK_CODE_RENAME, "Suggest better names for these variables: a1, tmp2, foo"},
    {TASK_CODE_RENAME,
     "Change the name of the class Helper to PathResolver and update all references."},
    {TASK_CODE_RENAME, "Convert these identifiers to snake_case: userName, totalCount, isActive"},
    {TASK_CODE_RENAME, "Replace all occurrences of the method init() with setup()\n" GO},
    {TASK_CODE_RENAME,
     "Please rename the parameter `key` to `name`; do not refactor anything else.\n" GO},
    {TASK_CODE_RENAME, "The function should be called load_config instead of cfg. Rename "
                       "it.\n```python\ndef cfg(): ...\n```"},
    {TASK_CODE_RENAME,
     "Is there a more descriptive name for this function? Suggest clearer names.\n" SNIPPET},
    {TASK_CODE_RENAME, "Apply our naming convention (camelCase) to these variables\n```js\nlet "
                       "user_name = 1;\nlet total_sum = 2;\n```"},
    {TASK_CODE_RENAME, "renaming task: module utils -> helpers, update the imports"},
    {TASK_CODE_RENAME,
     "Rename column usr to user_id in these SQL statements\n```sql\nSELECT usr FROM t;\n```"},

    {TASK_CODE_LINT, "Lint this file and list the problems.\n" SNIPPET},
    {TASK_CODE_LINT, "Format this JSON with two spaces: {\"a\":1,\"b\":[1,2]}"},
    {TASK_CODE_LINT,
     "Remove the unused imports\n```python\nimport os\nimport sys\nprint(sys.argv)\n```"},
    {TASK_CODE_LINT, "make it pass flake8\n" SNIPPET},
    {TASK_CODE_LINT, "Fix the ESLint warnings in this component\n```jsx\nvar a = 1\nif (a == 1) { "
                     "alert('x') }\n```"},
    {TASK_CODE_LINT, "Reformat the code according to PEP 8, no other changes.\n" SNIPPET},
    {TASK_CODE_LINT, "Add type hints to this function.\n" SNIPPET},
    {TASK_CODE_LINT,
     "sort the imports and fix the indentation\n```python\nimport sys\nimport os\n```"},
    {TASK_CODE_LINT, "clippy complains about needless borrow here, clean up the "
                     "warnings\n```rust\nfoo(&bar);\n```"},
    {TASK_CODE_LINT, "Run prettier on this by hand:\n```js\nconst a={b:1,c:2}\n```"},
    {TASK_CODE_LINT, "Check the code style: missing semicolons, trailing whitespace, inconsistent "
                     "quotes\n```js\nlet a = \"x\"\n```"},
    {TASK_CODE_LINT, "gofmt and golint this please\n" GO},

    {TASK_CODE_FUNCTION, "Write a Python function that returns the n-th Fibonacci number."},
    {TASK_CODE_FUNCTION,
     "Write a function to find the longest common prefix of a list of strings."},
    {TASK_CODE_FUNCTION, "Implement a binary search in Java."},
    {TASK_CODE_FUNCTION, "create a bash script which deletes files older than 30 days"},
    {TASK_CODE_FUNCTION, "Write a SQL query to get the top five customers by revenue."},
    {TASK_CODE_FUNCTION, "I need a regex that matches ISO dates."},
    {TASK_CODE_FUNCTION, "How do I reverse a linked list in C?"},
    {TASK_CODE_FUNCTION,
     "Write a method that parses a CSV line, without using any library. No tests needed."},
    {TASK_CODE_FUNCTION, "Build a small React component that shows a countdown."},
    {TASK_CODE_FUNCTION, "Convert this Python code to JavaScript.\n" SNIPPET},
    {TASK_CODE_FUNCTION, "Write code to compute the moving average of an array in numpy"},
    {TASK_CODE_FUNCTION, "Implement an LRU cache class with get and put."},

    {TASK_CODE_TESTS, "Write unit tests for this function.\n" SNIPPET},
    {TASK_CODE_TESTS, "add pytest cases that cover the error paths of parse_config"},
    {TASK_CODE_TESTS, "Generate Jest tests for the login component"},
    {TASK_CODE_TESTS, "Create test cases for the checkout API, including edge cases."},
    {TASK_CODE_TESTS, "Test this function with mocks for the database.\n" GO},
    {TASK_CODE_TESTS, "Increase the coverage of module billing with integration tests."},
    {TASK_CODE_TESTS, "Write a JUnit test class for UserService. Do not modify the class itself."},
    {TASK_CODE_TESTS, "I want table driven tests in Go for this:\n" GO},
    {TASK_CODE_TESTS,
     "please write property tests with hypothesis for the encode and decode functions"},
    {TASK_CODE_TESTS, "Set up fixtures and write tests for the repository class"},
    {TASK_CODE_TESTS, "What unit tests would you write for this code?\n" SNIPPET},
    {TASK_CODE_TESTS, "Write an e2e test in Playwright for the signup form"},

    {TASK_CODE_REVIEW, "Review this code.\n" GO},
    {TASK_CODE_REVIEW, "Please do a code review of the following pull request "
                       "diff:\n```diff\n-return a\n+return b\n```"},
    {TASK_CODE_REVIEW,
     "What do you think of this implementation? Anything you would improve?\n" SNIPPET},
    {TASK_CODE_REVIEW, "Is this code idiomatic Go?\n" GO},
    {TASK_CODE_REVIEW, "Review my PR: it adds a retry helper and changes the config loader"},
    {TASK_CODE_REVIEW, "Give me feedback on the quality of this class, does it follow best "
                       "practices?\n```java\nclass A { int b; void c() { b++; } }\n```"},
    {TASK_CODE_REVIEW, "Critique this function; point out code smells. Do not fix them.\n" SNIPPET},
    {TASK_CODE_REVIEW,
     "Take a look at this patch and suggest improvements\n```diff\n+ if (a = b) {\n```"},
    {TASK_CODE_REVIEW, "Can you check my code for problems before I merge it?\n" GO},
    {TASK_CODE_REVIEW, "As a senior reviewer, comment on readability and maintainability in this "
                       "pull request.\n" SNIPPET},
    {TASK_CODE_REVIEW, "any issues with this code?\n" GO},
    {TASK_CODE_REVIEW,
     "Review the following commit and tell me whether you would approve it.\n" SNIPPET},

    {TASK_CODE_FIX, "Fix the bug in this function.\n" SNIPPET},
    {TASK_CODE_FIX, "I get TypeError: 'NoneType' object is not iterable. What's wrong?\n" SNIPPET},
    {TASK_CODE_FIX,
     "this code doesn't compile, please correct it\n```c\nint main() { return 0 }\n```"},
    {TASK_CODE_FIX, "Why am I getting undefined here?\n```js\nconst x = obj.a.b;\n```"},
    {TASK_CODE_FIX, "There is an off-by-one error in the loop, fix it.\n```c\nfor (i = 0; i <= n; "
                    "i++) s += a[i];\n```"},
    {TASK_CODE_FIX,
     "The unit test fails with 'expected 3 but was 4'. Fix the code, not the test.\n" SNIPPET},
    {TASK_CODE_FIX, "KeyError: 'id' in line 12 of app.py, how do I fix this?"},
    {TASK_CODE_FIX, "My SQL query returns the wrong result, it should return one row per "
                    "user.\n```sql\nSELECT * FROM a, b;\n```"},
    {TASK_CODE_FIX, "npm install fails with ENOENT, what am I doing wrong?"},
    {TASK_CODE_FIX, "Fix it without renaming anything:\n" GO},
    {TASK_CODE_FIX, "The button in my React component doesn't work when clicked.\n```jsx\n<button "
                    "onClick={save()}>Save</button>\n```"},
    {TASK_CODE_FIX, "correct the syntax error\n```python\nprint('hi'\n```"},

    {TASK_CODE_ARCHITECTURE,
     "Design the architecture of a URL shortener that serves 10k requests per second."},
    {TASK_CODE_ARCHITECTURE,
     "Should we use microservices or a monolith for our booking backend? Discuss the trade-offs."},
    {TASK_CODE_ARCHITECTURE, "Design a database schema for a multi-tenant CRM."},
    {TASK_CODE_ARCHITECTURE, "Propose a system design for a chat app with millions of users."},
    {TASK_CODE_ARCHITECTURE, "How would you structure the backend services of an online shop?"},
    {TASK_CODE_ARCHITECTURE,
     "Write an ADR on choosing Kafka over RabbitMQ for our event pipeline."},
    {TASK_CODE_ARCHITECTURE,
     "Plan the high level design of an offline-first mobile app with sync to a server."},
    {TASK_CODE_ARCHITECTURE,
     "I want an event-driven architecture for payments: which services, queues and databases?"},
    {TASK_CODE_ARCHITECTURE, "Describe a scalable architecture for ingesting IoT sensor data, with "
                             "failover between regions."},
    {TASK_CODE_ARCHITECTURE,
     "Design an API gateway with rate limiting; no code yet, just the components and data flow."},
    {TASK_CODE_ARCHITECTURE,
     "architect a multi region deployment for our postgres cluster with replication"},
    {TASK_CODE_ARCHITECTURE, "Draft a design doc for moving authentication into its own service."},

    {TASK_CODE_REFACTOR, "Refactor this function to be easier to read.\n" SNIPPET},
    {TASK_CODE_REFACTOR,
     "Split this class into smaller modules and move the database code out.\n" GO},
    {TASK_CODE_REFACTOR,
     "We need to migrate the codebase from callbacks to async/await across all files."},
    {TASK_CODE_REFACTOR, "Clean up the duplicated code in these two handlers\n" GO},
    {TASK_CODE_REFACTOR,
     "Extract the validation logic into a separate class and update all callers."},
    {TASK_CODE_REFACTOR,
     "Restructure the repository so that the API layer no longer imports the database module"},
    {TASK_CODE_REFACTOR, "Convert this component from class based to hooks\n```jsx\nclass A "
                         "extends React.Component { render() { return null; } }\n```"},
    {TASK_CODE_REFACTOR, "refactor to use dependency injection, don't change behaviour\n" GO},
    {TASK_CODE_REFACTOR, "Decouple the billing module from the user module across services."},
    {TASK_CODE_REFACTOR, "Upgrade the project from Django 3 to Django 5 and adapt all files."},
    {TASK_CODE_REFACTOR, "Break up this god object: it has 40 methods in one file"},
    {TASK_CODE_REFACTOR, "Modernize this legacy PHP code and replace the globals with "
                         "classes\n```php\n<?php global $db; mysql_query($q);\n```"},

    {TASK_CODE_DEBUGGING,
     "We see a race condition between the writer thread and the flush; find the cause.\n" GO},
    {TASK_CODE_DEBUGGING,
     "The service leaks memory, 200 MB per hour. Help me find the root cause."},
    {TASK_CODE_DEBUGGING,
     "Our test is flaky: it fails randomly about once in fifty runs on CI only.\n" GO},
    {TASK_CODE_DEBUGGING, "Segmentation fault in free() after a few hours under load, here is the "
                          "backtrace\n```\n#0 free\n#1 pool_put\n```"},
    {TASK_CODE_DEBUGGING, "Debug this deadlock\n" GO},
    {TASK_CODE_DEBUGGING,
     "The worker hangs intermittently and no exception is logged. How do I track it down?"},
    {TASK_CODE_DEBUGGING,
     "Investigate why the queue consumer stalls after the database fails over"},
    {TASK_CODE_DEBUGGING, "It only crashes in production under load, works locally. Stack trace "
                          "attached.\n```\nat Pool.get (pool.js:41)\n```"},
    {TASK_CODE_DEBUGGING, "valgrind reports use after free in session.c, figure out why"},
    {TASK_CODE_DEBUGGING, "Diagnose the heap corruption in this allocator\n```c\nvoid *p = "
                          "malloc(8); memset(p, 0, 16);\n```"},
    {TASK_CODE_DEBUGGING, "Sometimes the cache returns stale values and I cannot reproduce it. "
                          "What could be the root cause?\n" GO},
    {TASK_CODE_DEBUGGING, "help me debug a goroutine leak, pprof shows thousands stuck in select"},

    {TASK_CODE_SECURITY,
     "Find security vulnerabilities in this code.\n```php\nmysql_query(\"SELECT * FROM u WHERE "
     "id=\" . $_GET['id']);\n```"},
    {TASK_CODE_SECURITY,
     "Is this login endpoint vulnerable to SQL injection?\n```python\ncur.execute('select * from u "
     "where n=' + name)\n```"},
    {TASK_CODE_SECURITY, "Audit the authentication flow for bypasses.\n" GO},
    {TASK_CODE_SECURITY, "How can I prevent XSS in my React app?"},
    {TASK_CODE_SECURITY, "Threat model our file upload service."},
    {TASK_CODE_SECURITY,
     "Review this code for security issues: secrets, injection, path traversal\n" GO},
    {TASK_CODE_SECURITY,
     "Our dependency has a CVE with RCE. Are we exploitable and how do we mitigate it in the API?"},
    {TASK_CODE_SECURITY, "Harden the nginx config and the JWT handling of this server"},
    {TASK_CODE_SECURITY, "Check whether the password hashing and session tokens here are "
                         "secure\n```python\nhashlib.md5(pw).hexdigest()\n```"},
    {TASK_CODE_SECURITY, "Do a security review of our OAuth login code."},
    {TASK_CODE_SECURITY,
     "find the buffer overflow an attacker could exploit\n```c\nchar b[8]; gets(b);\n```"},
    {TASK_CODE_SECURITY, "Which CSRF protections does this Express middleware lack?"},

    {TASK_CODE_PERFORMANCE, "Optimize this function, it is too slow for large lists.\n" SNIPPET},
    {TASK_CODE_PERFORMANCE, "The query takes 40 seconds, how can I make it faster?\n```sql\nSELECT "
                            "* FROM a JOIN b ON a.x = b.y;\n```"},
    {TASK_CODE_PERFORMANCE,
     "Profile shows 60% of the time in JSON parsing. How do I reduce CPU usage of the service?"},
    {TASK_CODE_PERFORMANCE, "Improve the performance of our React list with 10,000 rows."},
    {TASK_CODE_PERFORMANCE, "Reduce the memory footprint of this pandas script"},
    {TASK_CODE_PERFORMANCE, "We have an N+1 query problem in the orders endpoint; speed it up"},
    {TASK_CODE_PERFORMANCE, "Find the bottleneck in this loop and vectorize it with "
                            "numpy\n```python\nfor i in range(n):\n    c[i] = a[i] * b[i]\n```"},
    {TASK_CODE_PERFORMANCE, "Why is this code so slow? Don't change the API.\n" SNIPPET},
    {TASK_CODE_PERFORMANCE,
     "Lower the p99 latency of the gateway: flamegraph attached, allocations dominate"},
    {TASK_CODE_PERFORMANCE,
     "What is the time complexity of this and can it be done in linear time?\n" SNIPPET},
    {TASK_CODE_PERFORMANCE, "benchmark and optimise the hash function for throughput"},
    {TASK_CODE_PERFORMANCE,
     "The build takes too long, 25 minutes; how can we speed up the compiler step?"},
};

#endif
