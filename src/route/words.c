/* SPDX-License-Identifier: Apache-2.0 */
/* What single words are by themselves, as data. A word may stand in several rows. */
#include "route/vocabulary.h"

const struct word_row word_rows[] = {
    {"please pls plz kindly can could would will you i want need like to help me us let's lets "
     "just now so "
     "hi hello hey ok okay also then first next i'd i'm your task assistant expert using "
     "following based this given here but try quickly carefully think about let again "
     "tu may might do not don't never should must be able",
     WORD_POLITE},
    {"not don't dont never without avoid instead rather except", WORD_NEGATION},
    {"no", WORD_NO},
    {"do", WORD_AT_START},
    {"must exactly only least most maximum minimum without ensure require required requires "
     "constraint "
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
     "protein gene genes genome dna rna allele compound compounds reaction reactant reagent "
     "catalyst "
     "spectrum nmr isomer isomers stoichiometry thermodynamic entropy enthalpy orbital spin boson "
     "fermion lagrangian relativistic redshift luminosity telescope antibody receptor "
     "pathway polymerase mutation mutant phenotype genotype chromosome ester aldehyde ketone amine "
     "benzene product yield eigenvalue eigenvalues wavefunction oscillator momentum velocity "
     "acceleration joule kelvin ev gev nm pka ph buffer titration solution solvent synthesis "
     "synthesized "
     "hydrocarbon hydrocarbons spectrograph spectrometer stellar planet orbit orbital galaxy "
     "magnetic particle "
     "particles plasmid bacteria virus viral strain transcription transcriptional ions ion acid "
     "alkaline oxidation "
     "carbon hydrogen nitrogen methyl ethyl phenyl bond bonds aromatic chiral enantiomer "
     "stereochemistry "
     "monochromatic aperture diffraction operator eigenstate qubit decay detector exoplanet star "
     "stars neutrino "
     "capsid vivo vitro crispr lattice crystal electric charge charged temperature pressure "
     "kinetic "
     "cell cells tumor pcr western antibodies inhibitor ligand domain residues sequence sequencing "
     "hcl naoh",
     WORD_SCIENCE},
    {"python javascript typescript golang kotlin haskell django flask fastapi laravel "
     "kubernetes numpy pytorch postgres postgresql mysql sqlite mongodb redis "
     "webpack npm pytest junit dockerfile terraform docstring docstrings jsdoc javadoc eslint "
     "pylint "
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
    {"code coding function functions method methods class variable variables compile compiles "
     "compiler "
     "compiled script scripts library module modules package import imports loop loops array "
     "arrays "
     "string strings pointer pointers interface endpoint endpoints database query queries "
     "algorithm "
     "algorithms server bug bugs exception exceptions repository commit commits branch merge pr "
     "prs "
     "dependency dependencies debugger debug debugging thread threads null undefined parameter "
     "parameters argument arguments return returns recursion recursive iterator component "
     "components "
     "java rust ruby scala swift react angular vue node spring rails express docker git github "
     "gitlab linux unix shell aws azure gcp pandas tensorflow schema migration migrations "
     "unit tests test parser parse regexes deploy deployment pipeline kafka cache caching login "
     "auth "
     "authentication checkout ui app application framework plugin compiler runtime stack heap "
     "memory linked sorted latency throughput p99 p95 flamegraph allocations profiler "
     "bottleneck adr callers caller identifier identifiers "
     "index indexes table column columns handler callback callbacks promise promises closure "
     "lambda "
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
    {"is are was were does did has have had in if for who what where when which whose how why name "
     "give "
     "make list create are am find",
     WORD_ENGLISH},
    {"is are were does did has have had am in if for to from this these those my your you i me we "
     "us "
     "our they some any all but here now also just so than when about more other no up out there "
     "can "
     "could would will should may might must been i'm i'd use used using need want "
     "like what's well new time day 1 2 3 4 5 6 7 8 9 10 12 14 15 20 30 40 100",
     WORD_AT_START},
    {"two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty "
     "hundred "
     "thousand million half twice thrice double triple third quarter dozen",
     WORD_NUMBER},
    {"many much total altogether each per cost costs left remaining remain twice half fewer more "
     "less "
     "every average earn earns spend spends paid pay sold sell bought buys price weigh weighs long "
     "far old "
     "hours hour minutes miles km dollars cents",
     WORD_QUANTITY},
    {"equation equations integral derivative polynomial quadratic logarithm theorem modulo "
     "congruent "
     "coefficient coefficients determinant inequality divisor divisors hypotenuse perimeter "
     "circumference radius numerator denominator binomial factorial permutations combinations "
     "triangle circle fraction percent percentage area volume remainder divisible integer integers "
     "prime slope vertex angle angles sqrt probability sum digits digit multiple multiples square "
     "squares "
     "squared cube cubed ratio units coordinates matrix parabola polygon diagonal arithmetic "
     "geometric "
     "sequence median mean product distinct "
     "smallest largest greatest "
     "simplify evaluate compute calculate solve parallel perpendicular "
     "rectangle hexagon sphere cylinder cone degrees boxed frac cdot "
     "decimal factors multiply divided digit's ",
     WORD_MATH},
    {"or", WORD_OR},
};
const size_t word_row_count = ARRAY_LEN(word_rows);
