/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Word rules for programming. No lone word counts without evidence of code (a fence, lines of code,
 * or words that programmers use), so "review my essay" stays prose. A few phrases are evidence by
 * themselves: "review my pull request".
 */
#include "route/vocabulary.h"

#define TESTS "test|tests|spec|specs|testing"
#define WRITE                                                                                      \
    "write|create|generate|make|add|build|implement|need|give|develop|provide|produce|want|show|"  \
    "code"
#define THINGS                                                                                     \
    "function|method|class|script|program|query|regex|component|endpoint|hook|parser|algorithm|"   \
    "handler|decorator|macro|bot|scraper|procedure|trigger|module|code|routine|subroutine|helper|" \
    "utility|api|cli|loop|iterator|generator|middleware|wrapper|validator|expression|snippet|"     \
    "oneliner|calculator|command|lambda|closure|functions|implementation|trait|struct"
#define LANGUAGES                                                                                  \
    "python|javascript|typescript|java|golang|go|rust|ruby|php|kotlin|swift|scala|haskell|bash|"   \
    "sql|c|perl|lua|elixir|r|matlab|node|react|julia|dart|powershell|shell"

const struct word_rule rules_code[] = {
    /* completion */
    RULE(CODE_COMPLETION, 10, RULE_CODE | RULE_AT_START, "complete",
         "complete|finish|continue|autocomplete|fill"),
    RULE(CODE_COMPLETION, 8, RULE_CODE | RULE_GAP_3, "complete the function",
         "complete|finish|continue|autocomplete|fill "
         "function|code|method|implementation|line|body|snippet|class|in|missing|rest|statement|"
         "block|loop"),
    RULE(CODE_COMPLETION, 7, RULE_CODE | RULE_GAP_1, "next line",
         "next|rest|remaining|missing line|lines|part|code|body"),
    RULE(CODE_COMPLETION, 4, RULE_CODE, "todo", "todo|fim|cursor|autocomplete|placeholder"),
    RULE(CODE_COMPLETION, 6, RULE_CODE | RULE_GAP_3, "what comes next",
         "what|predict|suggest comes|goes|follows|next|completion next|here|after|line"),

    /* boilerplate */
    RULE(CODE_BOILERPLATE, 14, RULE_CODE, "boilerplate",
         "boilerplate|scaffold|scaffolding|skeleton|bootstrap"),
    RULE(CODE_BOILERPLATE, 8, RULE_CODE | RULE_GAP_1, "starter template",
         "starter|template|empty|basic|minimal|blank|standard|bare "
         "template|project|app|code|setup|class|file|structure|server|page|layout|config"),
    RULE(CODE_BOILERPLATE, 9, RULE_CODE | RULE_GAP_1, "a compose file",
         "docker|compose|helm|kubernetes|k8s|systemd|nginx|ci "
         "file|compose|chart|manifest|config|unit|workflow"),
    RULE(CODE_BOILERPLATE, 8, RULE_CODE | RULE_GAP_3, "set up a project",
         "set|setup|initialize|create|start|generate|spin up|new "
         "project|app|repo|package|application|repository|workspace|environment"),
    RULE(CODE_BOILERPLATE, 8, RULE_CODE, "crud",
         "crud|getters|setters|getter|setter|pojo|dto|dtos|dataclass|gitignore"),
    RULE(CODE_BOILERPLATE, 9, RULE_CODE | RULE_GAP_3, "write a config file",
         WRITE "|me "
               "dockerfile|makefile|manifest|config|gitignore|workflow|tsconfig|pyproject|helm|"
               "nginx|systemd|yaml|compose|dto|dtos|getters|skeleton|scaffold|boilerplate|"
               "terraform|package|jenkinsfile|cmakelists|webpack|configuration|deployment|chart"),
    RULE(CODE_BOILERPLATE, 4, RULE_CODE, "dockerfile",
         "dockerfile|makefile|tsconfig|helm|jenkinsfile|pyproject|manifest"),
    RULE(CODE_BOILERPLATE, 11, RULE_CODE, "hello world", "hello world"),
    RULE(CODE_BOILERPLATE, 6, RULE_CODE | RULE_GAP_3, "generate model classes",
         "generate|create|add "
         "model|models|entity|enum|interface|interfaces|constructor|constructors|stub|stubs|types|"
         "form|mappings|serializers from|for|class|classes"),

    /* docs */
    RULE(CODE_DOCS, 11, RULE_CODE, "docstring",
         "docstring|docstrings|jsdoc|javadoc|godoc|doxygen|readme|changelog|rustdoc|sphinx"),
    RULE(CODE_DOCS, 11, RULE_CODE | RULE_GAP_3, "write documentation",
         "write|add|generate|create|draft "
         "docstring|docstrings|readme|changelog|documentation|comments|jsdoc|javadoc|docs"),
    RULE(CODE_DOCS, 8, RULE_CODE, "document", "document|documenting|documentation|docs|documented"),
    RULE(CODE_DOCS, 10, RULE_CODE | RULE_GAP_2, "add comments",
         "add|write|insert|put|generate|improve comments|comment|inline|documentation"),
    RULE(CODE_DOCS, 8, RULE_CODE | RULE_AT_START, "comment", "comment|document|annotate"),
    RULE(CODE_DOCS, 10, RULE_CODE | RULE_GAP_3, "explain this code",
         "explain|describe|understand|walk|clarify|interpret "
         "code|function|snippet|regex|script|query|class|line|method|command|program|file|loop|"
         "module"),
    RULE(CODE_DOCS, 10, RULE_CODE | RULE_GAP_1, "walk me through", "walk through"),
    RULE(CODE_DOCS, 6, RULE_CODE | RULE_AT_START, "explain", "explain"),
    RULE(CODE_DOCS, 11, RULE_CODE | RULE_GAP_2, "what does this code do",
         "what does|is|do "
         "code|function|regex|query|script|command|snippet|line|program|method|class|do|this"),
    RULE(CODE_DOCS, 6, RULE_CODE | RULE_GAP_1, "API reference",
         "api|reference|usage|user|commit reference|docs|guide|message|examples"),

    /* rename */
    RULE(CODE_RENAME, 11, RULE_CODE, "rename", "rename|renaming|renamed|renames"),
    RULE(CODE_RENAME, 9, RULE_CODE | RULE_GAP_2, "better name",
         "better|good|descriptive|clearer|meaningful|consistent|proper name|names|naming"),
    RULE(CODE_RENAME, 16, RULE_CODE | RULE_GAP_3, "suggest names",
         "suggest|propose|give name|names|naming"),
    RULE(CODE_RENAME, 12, RULE_CODE | RULE_GAP_3, "names for variables",
         "name|names "
         "variable|variables|function|functions|class|method|column|parameter|identifiers"),
    RULE(CODE_RENAME, 11, RULE_CODE | RULE_GAP_3, "convert to snake case",
         "convert|change|make|switch|apply "
         "snake_case|camelcase|snake|camel|kebab|pascal|pascalcase"),
    RULE(CODE_RENAME, 9, RULE_CODE | RULE_GAP_3, "change the name",
         "change|update|replace|switch|swap name|names|naming|identifier|identifiers"),
    RULE(CODE_RENAME, 8, RULE_CODE | RULE_GAP_2, "replace all occurrences",
         "replace|change|update|find all|every|each "
         "occurrences|uses|instances|references|usages|occurrence|replace|calls"),
    RULE(CODE_RENAME, 9, RULE_CODE, "naming convention",
         "naming|camelcase|snake_case|pascalcase|kebab"),
    RULE(CODE_RENAME, 7, RULE_CODE | RULE_GAP_1, "to snake case", "snake|camel|pascal|kebab case"),
    RULE(CODE_RENAME, 6, RULE_CODE | RULE_GAP_3, "should be called",
         "should|call|called|name instead called|named|instead|to"),

    RULE(CODE_RENAME, 8, RULE_AT_START | RULE_GAP_2, "rename x to y", "rename|renaming to|into|as"),

    /* lint */
    RULE(CODE_LINT, 11, RULE_CODE, "lint",
         "lint|linter|linting|eslint|pylint|flake8|prettier|clippy|ruff|gofmt|rubocop|checkstyle|"
         "stylelint|shellcheck|isort|rustfmt|mypy|linters|tslint|golint"),
    RULE(CODE_LINT, 9, RULE_CODE | RULE_AT_START, "format",
         "format|reformat|reindent|indent|prettify|beautify"),
    RULE(CODE_LINT, 8, RULE_CODE | RULE_GAP_3, "format the code",
         "format|reformat|indent|formatting|prettify|style|black "
         "code|file|files|function|script|class|query|sql|json|snippet|guide"),
    RULE(CODE_LINT, 9, RULE_CODE, "formatted", "formatted|autoformat|formatter"),
    RULE(CODE_LINT, 10, RULE_CODE, "pep8", "pep8|pep257|e501|w503|f401"),
    RULE(CODE_LINT, 10, RULE_CODE, "pep 8", "pep 8|257"),
    RULE(CODE_LINT, 9, RULE_CODE | RULE_GAP_1, "unused imports",
         "unused|unnecessary|dead|duplicate "
         "import|imports|variable|variables|code|parameters|semicolons|whitespace"),
    RULE(CODE_LINT, 8, RULE_CODE | RULE_GAP_1, "sort imports",
         "sort|order|organize|organise|remove|missing "
         "import|imports|semicolons|semicolon|whitespace|parentheses"),
    RULE(CODE_LINT, 10, RULE_CODE, "type hints", "type hints|annotations|hint|annotation"),
    RULE(CODE_LINT, 6, RULE_CODE, "indentation",
         "indentation|whitespace|trailing|tabs|semicolons|linewidth|formatting"),
    RULE(CODE_LINT, 13, RULE_CODE | RULE_GAP_2, "fix the warnings",
         "fix|resolve|silence|clean|address|clear "
         "warnings|warning|style|formatting|lints|indentation|offenses"),
    RULE(CODE_LINT, 6, RULE_CODE | RULE_GAP_1, "code style",
         "code|coding|style|consistent style|guide|quotes|formatting|guidelines|conventions"),

    /* function */
    RULE(CODE_FUNCTION, 9, RULE_CODE | RULE_GAP_3, "write a function", WRITE " " THINGS),
    RULE(CODE_FUNCTION, 7, RULE_CODE | RULE_AT_START, "implement", "implement"),
    RULE(CODE_FUNCTION, 2, RULE_CODE | RULE_AT_START, "write",
         "write|create|build|develop|make|add"),
    RULE(CODE_FUNCTION, 6, RULE_CODE | RULE_AT_START, "SQL", "sql|regex|bash|shell"),
    RULE(CODE_FUNCTION, 4, RULE_CODE, "implement", "implement|implements|implementing"),
    RULE(CODE_FUNCTION, 5, RULE_CODE | RULE_GAP_1, "a function that",
         "function|method|script|program|query|regex|code|class|algorithm|command "
         "to|which|for|taking|returning"),
    RULE(CODE_FUNCTION, 4, RULE_CODE | RULE_GAP_1, "in a language", "in|using " LANGUAGES),
    RULE(CODE_FUNCTION, 4, RULE_CODE | RULE_GAP_3, "how do I ... in",
         "how do|can|to|would i|you|we|to"),
    RULE(CODE_FUNCTION, 6, RULE_CODE | RULE_GAP_2, "SQL query",
         "sql|postgres|mysql|regular|bash|shell "
         "query|statement|expression|select|script|command|one"),
    RULE(CODE_FUNCTION, 8, RULE_CODE | RULE_GAP_3, "convert to a language",
         "convert|port|translate|rewrite|transpile to|into " LANGUAGES),
    RULE(CODE_FUNCTION, 4, RULE_CODE | RULE_GAP_1, "returns",
         "returns|return|takes|accepts|given true|list|string|array|number"),

    /* tests */
    RULE(CODE_TESTS, 11, RULE_CODE, "unit tests",
         "unit|integration|regression|e2e|property|snapshot|smoke|acceptance|fuzz|parametrized|"
         "parameterized|edge|table test|tests|testing|tested|case|cases|driven"),
    RULE(CODE_TESTS, 11, RULE_CODE | RULE_GAP_3, "write tests",
         WRITE "|cover|extend " TESTS "|testcases|coverage|fixtures|mocks"),
    RULE(CODE_TESTS, 8, RULE_CODE, "test cases",
         "test cases|case|suite|coverage|fixture|fixtures|plan|double|doubles"),
    RULE(CODE_TESTS, 9, RULE_CODE, "a test framework",
         "pytest|jest|junit|mocha|rspec|vitest|cypress|playwright|unittest|gtest|xunit|testify|"
         "jasmine|nunit|phpunit|mockito|hypothesis|tdd|testcases|catch2|minitest"),
    RULE(CODE_TESTS, 5, RULE_CODE, "mock",
         "mock|mocks|mocking|fixture|fixtures|coverage|assertions|asserts|stubs"),
    RULE(CODE_TESTS, 8, RULE_CODE | RULE_AT_START, "test", "test|cover"),
    RULE(CODE_TESTS, 5, RULE_CODE, "tests", "tests|testing|spec"),
    RULE(CODE_TESTS, 9, RULE_CODE | RULE_GAP_2, "which tests",
         "which|what|more|missing tests|test"),

    /* review */
    RULE(CODE_REVIEW, 11, RULE_CODE, "code review", "code review|reviewer|quality"),
    RULE(CODE_REVIEW, 10, RULE_CODE | RULE_AT_START, "review", "review|critique|lgtm"),
    RULE(CODE_REVIEW, 5, RULE_CODE | RULE_AT_START, "check", "check|inspect"),
    RULE(CODE_REVIEW, 7, RULE_CODE, "review",
         "review|reviewing|nitpick|nitpicks|nits|feedback|critique|smells|smell"),
    RULE(CODE_REVIEW, 5, RULE_CODE | RULE_GAP_1, "pull request",
         "pull|merge|this|my|following request|pr|diff|patch|commit|mr|changeset"),
    RULE(CODE_REVIEW, 8, RULE_CODE | RULE_GAP_3, "what do you think",
         "what|how|any|see do|could|can|is|anything|problems|issues|thoughts|suggestions|concerns "
         "think|improve|improved|better|feedback|wrong"),
    RULE(CODE_REVIEW, 8, RULE_CODE | RULE_GAP_2, "is this code right",
         "is|does|are|anything this|my|these|wrong|look "
         "correct|idiomatic|ok|good|clean|right|reasonable|safe|sound|okay|well|maintainable|"
         "readable"),
    RULE(CODE_REVIEW, 7, RULE_CODE | RULE_GAP_2, "best practices", "best|good practices|practice"),
    RULE(CODE_REVIEW, 7, RULE_CODE | RULE_GAP_2, "suggest improvements",
         "suggest|recommend|propose|point|spot|any|find "
         "improvements|out|issues|problems|suggestions|flaws|improvement"),
    RULE(CODE_REVIEW, 6, RULE_GAP_2 | RULE_CODE, "look over",
         "look|take|go|anything over|through|you'd|look|change|objections"),
    RULE(CODE_REVIEW, 5, RULE_CODE, "idiomatic",
         "idiomatic|readability|maintainability|approve|mergeable|antipattern|antipatterns"),

    RULE(CODE_REVIEW, 9, RULE_GAP_3, "review a pull request",
         "review|check|approve|inspect pull|merge request|requests"),

    /* fix */
    RULE(CODE_FIX, 9, RULE_CODE | RULE_AT_START, "fix", "fix|repair|correct|resolve|solve|patch"),
    RULE(CODE_FIX, 6, RULE_CODE, "fix", "fix|fixing|fixed|fixes|bugfix|hotfix"),
    RULE(CODE_FIX, 5, RULE_CODE, "bug", "bug|bugs|buggy|broken"),
    RULE(CODE_FIX, 4, RULE_CODE, "error",
         "error|errors|exception|traceback|stacktrace|exceptions|fails|failing|crashes|crash|"
         "crashing|throws|throwing|failure"),
    RULE(CODE_FIX, 7, RULE_CODE, "a named error",
         "typeerror|keyerror|nullpointerexception|valueerror|syntaxerror|indexerror|attributeerror|"
         "importerror|referenceerror|modulenotfound|nullreference|classcast|npe|nameerror|panic|"
         "panics|e0382|enoent|cors"),
    RULE(CODE_FIX, 8, RULE_CODE | RULE_GAP_1, "doesn't work",
         "doesn't|not|isn't|won't|don't|doesnt|can't|cannot|never|stopped|no "
         "work|working|compile|run|compiling|return|build|start|running|works|load|render|find|"
         "match|longer"),
    RULE(CODE_FIX, 8, RULE_CODE | RULE_GAP_1, "what is wrong",
         "what's|what|whats|something|where is|wrong|am|went|i wrong|missing|mistake|error"),
    RULE(CODE_FIX, 7, RULE_CODE | RULE_GAP_2, "wrong result",
         "wrong|incorrect|unexpected|empty|instead "
         "output|result|results|answer|value|values|behavior|index"),
    RULE(CODE_FIX, 8, RULE_CODE | RULE_GAP_2, "off by one", "off one"),
    RULE(CODE_FIX, 7, RULE_CODE | RULE_GAP_2, "why am I getting",
         "why|i|getting|get|got am|is|does|keep|this|getting "
         "getting|failing|fail|throwing|return|error|undefined|null|broken|nan|not"),
    RULE(CODE_FIX, 4, RULE_CODE | RULE_GAP_2, "should return",
         "should|expected|supposed return|to|print|output"),

    /* architecture */
    RULE(CODE_ARCHITECTURE, 10, RULE_CODE, "architecture",
         "architecture|architect|architectural|architecting|architectures"),
    RULE(CODE_ARCHITECTURE, 11, RULE_CODE, "system design",
         "system|systems|high|domain design|level|driven"),
    RULE(CODE_ARCHITECTURE, 10, RULE_CODE | RULE_GAP_3, "design a system",
         "design|designing|plan|propose|blueprint|structure|architect "
         "system|service|schema|database|api|platform|pipeline|backend|app|infrastructure|model|"
         "services|cluster|architecture|application|layer|solution|queue|store|storage|protocol"),
    RULE(CODE_ARCHITECTURE, 11, RULE_CODE | RULE_GAP_3, "how would you structure",
         "how structure|design|architect|organize|scale|organise"),
    RULE(CODE_ARCHITECTURE, 7, RULE_CODE | RULE_AT_START, "design", "design|architect|blueprint"),
    RULE(CODE_ARCHITECTURE, 2, RULE_CODE, "microservices",
         "microservices|microservice|monolith|cqrs|kafka|sharding|sharded|distributed|scalable|"
         "scalability|multitenant|serverless|queue|replication|failover|consistency|tenancy|"
         "scaling|broker|rabbitmq|bounded"),
    RULE(
        CODE_ARCHITECTURE, 4, RULE_CODE | RULE_GAP_1, "event sourcing",
        "event|multi|load|high|message|data|eventual|tech|hexagonal "
        "sourcing|driven|tenant|balancer|availability|queue|model|consistency|stack|region|broker"),
    RULE(CODE_ARCHITECTURE, 7, RULE_CODE | RULE_GAP_2, "should we use",
         "should|would|monolith|choose|decide we|i|or|you|between|vs "
         "use|choose|split|structure|adopt|microservices|organize|design"),
    RULE(CODE_ARCHITECTURE, 8, RULE_CODE, "design doc", "rfc|adr|adrs"),
    RULE(CODE_ARCHITECTURE, 9, RULE_CODE, "design doc", "design doc|docs|document|proposal"),
    RULE(CODE_ARCHITECTURE, 9, RULE_CODE | RULE_GAP_2, "write a design doc",
         "write|draft|create|prepare adr|rfc|design"),
    RULE(CODE_ARCHITECTURE, 6, RULE_CODE | RULE_GAP_2, "millions of users",
         "million|millions|thousand|billion|10k|100k|1m|requests "
         "users|requests|events|per|devices|concurrent|customers|writes"),

    RULE(CODE_ARCHITECTURE, 9, RULE_GAP_3, "plan the architecture of a system",
         "plan|design|propose|sketch|draft|define|outline architecture "
         "system|platform|service|backend|app|application|pipeline|api|gateway|product"),

    /* refactor */
    RULE(CODE_REFACTOR, 11, RULE_CODE, "refactor", "refactor|refactoring|refactored|refactors"),
    RULE(CODE_REFACTOR, 9, RULE_CODE, "restructure",
         "restructure|reorganize|reorganise|modularize|modularise|decouple|untangle|restructuring|"
         "decoupling|modernize|rearchitect|consolidate"),
    RULE(CODE_REFACTOR, 9, RULE_CODE | RULE_GAP_3, "split into modules",
         "split|extract|break|move|separate|divide|pull into|up|out|apart|to "
         "modules|classes|functions|files|services|smaller|module|class|components|package|methods|"
         "layers|separate|shared|object|own"),
    RULE(
        CODE_REFACTOR, 15, RULE_CODE | RULE_GAP_3, "extract a method",
        "extract class|function|method|interface|component|module|logic|helper|service|hook|trait"),
    RULE(CODE_REFACTOR, 8, RULE_CODE | RULE_GAP_3, "across files",
         "across|throughout|all "
         "files|modules|codebase|services|repo|repository|packages|project|callers"),
    RULE(CODE_REFACTOR, 8, RULE_CODE, "migrate", "migrate|migrating|upgrade|upgrading"),
    RULE(CODE_REFACTOR, 4, RULE_CODE | RULE_GAP_3, "clean up",
         "clean|tidy|simplify up|this|code|logic"),
    RULE(CODE_REFACTOR, 6, RULE_CODE, "duplicated code",
         "duplicated|duplication|dry|spaghetti|legacy|coupling|monolithic|god|deduplicate"),
    RULE(CODE_REFACTOR, 5, RULE_CODE | RULE_GAP_1, "a pattern",
         "dependency|strategy|factory|repository|visitor|observer|adapter|solid|design "
         "injection|pattern|principles"),
    RULE(CODE_REFACTOR, 8, RULE_CODE | RULE_GAP_3, "convert to async",
         "convert|change|turn|rewrite|port|move|switch|replace to|into|from "
         "async|hooks|composition|functional|generics|promises|interfaces|typescript|asynchronous|"
         "polymorphism|streams"),
    RULE(CODE_REFACTOR, 6, RULE_CODE | RULE_GAP_1, "multi-file",
         "multi|several|many|multiple|12|20|15|30|40 file|files|modules|services"),

    /* debugging */
    RULE(CODE_DEBUGGING, 9, RULE_CODE, "debug", "debug|debugging|heisenbug|troubleshoot"),
    RULE(CODE_DEBUGGING, 11, RULE_CODE, "race condition",
         "race|data|memory condition|conditions|race|races|leak|leaks|corruption|leaking"),
    RULE(CODE_DEBUGGING, 7, RULE_CODE, "leak", "leak|leaked"),
    RULE(CODE_DEBUGGING, 8, RULE_CODE | RULE_GAP_3, "cannot reproduce",
         "cannot|can't|not reproduce"),
    RULE(CODE_DEBUGGING, 10, RULE_CODE, "deadlock",
         "deadlock|deadlocks|deadlocked|livelock|coredump|segfault|segfaults|sigsegv|sigabrt|oom|"
         "leaks|leaking"),
    RULE(CODE_DEBUGGING, 8, RULE_CODE, "intermittent",
         "intermittent|intermittently|sporadic|sporadically|flaky|nondeterministic|occasionally|"
         "randomly|sometimes|rarely|unreproducible"),
    RULE(CODE_DEBUGGING, 10, RULE_CODE, "segmentation fault",
         "segmentation|core|use|double|heap|stack|undefined|access "
         "fault|dump|after|free|corruption|overflow|behavior|behaviour|violation"),
    RULE(CODE_DEBUGGING, 10, RULE_CODE, "root cause", "root cause|causes"),
    RULE(CODE_DEBUGGING, 10, RULE_CODE | RULE_GAP_3, "fails sometimes",
         "fail|fails|failing|crashes|breaks|happens "
         "sometimes|intermittently|randomly|occasionally|rarely|once"),
    RULE(CODE_DEBUGGING, 8, RULE_CODE | RULE_GAP_3, "keeps growing",
         "memory|heap|rss growing|grows|climbs|oom|grow"),
    RULE(CODE_DEBUGGING, 6, RULE_CODE, "hangs",
         "hangs|hang|hanging|freezes|stuck|freeze|stalls|stalled|starvation"),
    RULE(CODE_DEBUGGING, 9, RULE_CODE | RULE_GAP_3, "only in production",
         "only|happens|fails|crashes|works|but|just in|under|locally|after "
         "production|prod|ci|load|staging|locally|concurrency|release|days|hours|weeks"),
    RULE(CODE_DEBUGGING, 6, RULE_CODE, "reproduce",
         "reproduce|repro|reproducible|bisect|gdb|valgrind|strace|lldb|asan|tsan|backtrace|"
         "corrupted|corrupts|corruption"),
    RULE(CODE_DEBUGGING, 8, RULE_CODE | RULE_AT_START, "diagnose",
         "diagnose|investigate|trace|troubleshoot"),
    RULE(CODE_DEBUGGING, 6, RULE_CODE | RULE_GAP_3, "figure out why",
         "figure|find|track|understand|diagnose|investigate|no out|why|down|idea "
         "why|source|cause|what"),

    /* security */
    RULE(CODE_SECURITY, 8, RULE_CODE, "security",
         "security|insecure|secure|securely|securing|hardening|harden"),
    RULE(CODE_SECURITY, 10, RULE_CODE, "vulnerability",
         "vulnerability|vulnerabilities|vulnerable|exploit|exploitable|exploits|exploited"),
    RULE(CODE_SECURITY, 10, RULE_CODE, "a kind of attack",
         "xss|csrf|ssrf|rce|sqli|cve|owasp|xxe|idor|toctou|cves|clickjacking|pentest"),
    RULE(CODE_SECURITY, 10, RULE_CODE | RULE_GAP_1, "SQL injection",
         "sql|command|prompt|path|header|template|buffer|timing|privilege|prototype|directory|code|"
         "hardcoded|leaked|hard "
         "injection|traversal|overflow|attack|attacks|escalation|pollution|secrets|credentials|"
         "coded"),
    RULE(CODE_SECURITY, 10, RULE_CODE | RULE_GAP_2, "prevent an attack",
         "prevent|mitigate|avoid|stop|against xss|csrf|injection|attacks|sql|ssrf|replay"),
    RULE(CODE_SECURITY, 7, RULE_CODE, "password handling",
         "password|session|token|secret|cookie "
         "hashing|tokens|handling|storage|reset|fixation|hijacking"),
    RULE(CODE_SECURITY, 11, RULE_CODE | RULE_GAP_2, "write a threat model",
         "write|create|make|build|draft threat"),
    RULE(CODE_SECURITY, 6, RULE_CODE, "sanitize",
         "sanitize|sanitise|sanitization|injection|attacker|malicious|untrusted|attack|attacks|"
         "bypass|secrets|credentials|tampering|spoofing"),
    RULE(CODE_SECURITY, 9, RULE_CODE | RULE_GAP_1, "threat model",
         "threat|penetration|security|auth|authentication|authorization|access "
         "model|modeling|testing|test|audit|bypass|review|issues|holes|flaw|flaws|control"),
    RULE(CODE_SECURITY, 8, RULE_CODE | RULE_AT_START, "audit", "audit|harden|secure|pentest"),
    RULE(CODE_SECURITY, 4, RULE_CODE, "encryption",
         "encrypt|encryption|password|passwords|bcrypt|argon2|jwt|oauth|authorization|permissions|"
         "decrypt|cipher|tls|hmac|audit|auth"),

    /* performance */
    RULE(CODE_PERFORMANCE, 8, RULE_CODE, "performance", "performance|performant|perf"),
    RULE(CODE_PERFORMANCE, 9, RULE_CODE, "optimize",
         "optimize|optimise|optimizing|optimization|optimizations|optimising|optimisation|"
         "optimized"),
    RULE(CODE_PERFORMANCE, 7, RULE_CODE, "slow",
         "slow|slower|slowly|slowness|slowest|sluggish|slows"),
    RULE(CODE_PERFORMANCE, 7, RULE_CODE, "faster", "faster|speedup|speed|quicker|accelerate"),
    RULE(CODE_PERFORMANCE, 9, RULE_CODE, "bottleneck",
         "bottleneck|bottlenecks|flamegraph|hotspot|hotspots|profiling"),
    RULE(CODE_PERFORMANCE, 7, RULE_CODE | RULE_AT_START, "profile",
         "profile|benchmark|optimize|optimise"),
    RULE(CODE_PERFORMANCE, 6, RULE_CODE, "latency",
         "latency|throughput|p99|p95|qps|benchmark|benchmarks|vectorize|parallelize|simd|"
         "allocations|gc|cachegrind"),
    RULE(CODE_PERFORMANCE, 8, RULE_CODE | RULE_GAP_2, "memory usage",
         "memory|cpu|ram|reduce|lower|cut|heap "
         "usage|footprint|consumption|allocations|memory|latency|time|runtime|use"),
    RULE(CODE_PERFORMANCE, 8, RULE_CODE, "n+1", "n 1 query|queries|problem"),
    RULE(CODE_PERFORMANCE, 6, RULE_CODE | RULE_GAP_1, "time complexity",
         "time|space|quadratic|algorithmic|o|big|linear complexity|n|time|o|log"),
    RULE(CODE_PERFORMANCE, 8, RULE_CODE | RULE_GAP_2, "takes too long",
         "takes|taking|took|runs|too "
         "too|long|seconds|minutes|forever|10|30|hours|slow|slowly|5|40|20|much"),
    RULE(CODE_PERFORMANCE, 5, RULE_CODE, "efficient",
         "efficient|efficiently|inefficient|efficiency"),
};
const size_t rules_code_count = ARRAY_LEN(rules_code);
