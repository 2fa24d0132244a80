/* SPDX-License-Identifier: Apache-2.0 */
/* What single words are by themselves, as data. A word may stand in several rows. */
#include "route/vocabulary.h"

const struct word_row word_rows[] = {
    {"please pls plz kindly can could would will you i want need like to help me us let's lets just now so "
     "hi hello hey ok okay also then first next i'd i'm your task is as an assistant expert using the "
     "following based on this given here and but try quickly carefully think about let again "
     "tu may might do not don't never should must be able a",
     WORD_POLITE},
    {"not don't dont never without avoid instead rather except", WORD_NEGATION},
    {"do", WORD_AT_START},
    {"must exactly only least most maximum minimum without ensure require required requires constraint "
     "constraints unless strictly never always limit within between avoid include exclude "
     "should following format keep preserve respecting",
     WORD_CONSTRAINT},
    {"then finally afterwards next after firstly secondly thirdly lastly additionally furthermore "
     "subsequently each step steps stage stages",
     WORD_STEP},
    {"prove proof derive analyze analyse evaluate compare contrast justify deduce infer optimal "
     "optimize trade-off tradeoff tradeoffs explain reasoning rigorous rigorously why consequences "
     "implications critique assess strategy strategic design architecture debug root invariant "
     "counterexample complexity concurrency distributed consistency hypothesis",
     WORD_REASONING},
    {"mol molar molarity wavelength electron electrons proton photon quantum hamiltonian enzyme "
     "protein gene genes genome dna rna allele compound compounds reaction reactant reagent catalyst "
     "spectrum nmr isomer isomers stoichiometry thermodynamic entropy enthalpy orbital spin boson "
     "fermion lagrangian relativistic redshift luminosity telescope antibody receptor "
     "pathway polymerase mutation mutant phenotype genotype chromosome ester aldehyde ketone amine "
     "benzene product yield eigenvalue eigenvalues wavefunction oscillator momentum velocity "
     "acceleration joule kelvin ev gev nm pka ph buffer titration solution solvent synthesis synthesized",
     WORD_SCIENCE},
    {"python javascript typescript golang kotlin haskell django flask fastapi laravel "
     "kubernetes numpy pytorch postgres postgresql mysql sqlite mongodb redis "
     "webpack npm pytest junit dockerfile terraform docstring docstrings jsdoc javadoc eslint pylint "
     "flake8 mypy codebase repo refactor refactoring linter lint changelog "
     "segfault traceback stacktrace nullpointerexception typeerror keyerror valueerror indexerror "
     "attributeerror syntaxerror importerror referenceerror regex regexp stdin stdout async mutex "
     "orm csrf xss kotlin rustc gcc clang cmake gradle maven kubectl nodejs "
     "localstorage usestate useeffect dataframe enum structs boolean struct pojo dto dtos crud "
     "middleware websocket graphql grpc protobuf oauth jwt cli sdk api apis sql html css php bash "
     "powershell json yaml toml backend frontend subclass superclass "
     "typedef nullptr malloc refactored codegen openapi swagger hashmap hashmaps dict tuple "
     "unittest microservice microservices devops monorepo submodule "
     "gitignore cargo clippy rustfmt gofmt prettier ruff valgrind gdb asan tsan strace goroutine "
     "goroutines pthread deadlock deadlocks sqli ssrf owasp cve rce selenium playwright",
     WORD_CODE_STRONG},
    {"code coding function functions method methods class variable variables compile compiles compiler "
     "compiled script scripts library module modules package import imports loop loops array arrays "
     "string strings pointer pointers interface endpoint endpoints database query queries algorithm "
     "algorithms server bug bugs exception exceptions repository commit commits branch merge pr prs "
     "dependency dependencies debugger debug debugging thread threads null undefined parameter "
     "parameters argument arguments return returns recursion recursive iterator component components "
     "java rust ruby scala swift react angular vue node spring rails express docker git github "
     "gitlab linux unix shell aws azure gcp pandas tensorflow schema migration migrations "
     "unit tests test parser parse regexes deploy deployment pipeline kafka cache caching login auth "
     "authentication checkout ui app application framework plugin compiler runtime stack heap memory "
     "index indexes table column columns handler callback callbacks promise promises closure lambda "
     "decorator decorators generics template templates inheritance polymorphism constructor "
     "serializer serialize deserialize webhook cron csv xml http https url tcp udp socket sockets "
     "packet config configuration env binary hash token tokens encryption vulnerability injection "
     "build builds ci cd helper helpers utility utils util service services programming program "
     "programmer software developer leetcode byte bytes int integer boolean float stdlib "
     "compiler typed syntax snippet field fields object objects instance list lists map stub",
     WORD_CODE},
    {"py js ts tsx jsx go rs java rb cpp cc hpp cs kt swift php sh sql yml yaml json toml html css "
     "scss vue c h md ini cfg lock proto tf scala ex lua pl r dart gradle xml",
     WORD_AFTER_DOT},
    {"is are was were does did has have had in if for who what where when which whose how why name give "
     "make list create are am find",
     WORD_ENGLISH},
    {"is are was were does did has have had am in if for", WORD_AT_START},
    {"passage paragraph article excerpt context document transcript text texts email abstract report "
     "review conversation blurb snippet statement content information description",
     WORD_PASSAGE},
};
const size_t word_row_count = ARRAY_LEN(word_rows);
