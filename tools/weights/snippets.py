# SPDX-License-Identifier: Apache-2.0
"""Small pieces of code for the requests that are about code; written for this purpose."""

SNIPPETS = [
    "def total_price(items):\n    total = 0\n    for item in items:\n        total += item.price * item.count\n    return total",
    "def read_rows(path):\n    rows = []\n    with open(path) as f:\n        for line in f:\n            rows.append(line.strip().split(','))\n    return rows",
    "class Account:\n    def __init__(self, owner):\n        self.owner = owner\n        self.balance = 0\n\n    def deposit(self, amount):\n        self.balance += amount",
    "def find(xs, x):\n    lo, hi = 0, len(xs)\n    while lo < hi:\n        mid = (lo + hi) // 2\n        if xs[mid] < x:\n            lo = mid + 1\n        else:\n            hi = mid\n    return lo",
    "import os, sys\nfor f in os.listdir('.'):\n  if f.endswith('.log'):\n      os.remove(f)",
    "async function loadUsers(ids) {\n  const out = [];\n  for (const id of ids) {\n    const res = await fetch(`/users/${id}`);\n    out.push(await res.json());\n  }\n  return out;\n}",
    "function debounce(fn, ms) {\n  let timer;\n  return function () {\n    clearTimeout(timer);\n    timer = setTimeout(fn, ms);\n  };\n}",
    "const total = orders\n  .filter(o => o.paid)\n  .map(o => o.sum)\n  .reduce((a, b) => a + b);\nconsole.log(total)",
    "export default function Counter() {\n  const [n, setN] = useState(0);\n  useEffect(() => {\n    document.title = n;\n  });\n  return <button onClick={() => setN(n + 1)}>{n}</button>;\n}",
    "func Sum(xs []int) int {\n\ttotal := 0\n\tfor _, x := range xs {\n\t\ttotal += x\n\t}\n\treturn total\n}",
    "func (s *Server) handle(w http.ResponseWriter, r *http.Request) {\n\tid := r.URL.Query().Get(\"id\")\n\trow := s.db.QueryRow(\"SELECT name FROM users WHERE id = \" + id)\n\tvar name string\n\trow.Scan(&name)\n\tfmt.Fprintf(w, name)\n}",
    "public class Cache {\n    private final Map<String, String> map = new HashMap<>();\n    public synchronized String get(String key) {\n        return map.get(key);\n    }\n}",
    "for (int i = 0; i <= items.size(); i++) {\n    System.out.println(items.get(i).getName());\n}",
    "int count_words(const char *s)\n{\n    int n = 0;\n    while (*s) {\n        if (*s == ' ') {\n            n++;\n        }\n        s++;\n    }\n    return n;\n}",
    "char *join(char *a, char *b)\n{\n    char buf[64];\n    strcpy(buf, a);\n    strcat(buf, b);\n    return buf;\n}",
    "std::vector<int> unique(std::vector<int> v) {\n    std::vector<int> out;\n    for (auto x : v)\n        if (std::find(out.begin(), out.end(), x) == out.end())\n            out.push_back(x);\n    return out;\n}",
    "fn largest(v: &Vec<i32>) -> i32 {\n    let mut best = v[0];\n    for x in v {\n        if *x > best {\n            best = *x;\n        }\n    }\n    best\n}",
    "pub struct Pool {\n    idle: Mutex<Vec<Conn>>,\n}\n\nimpl Pool {\n    pub fn take(&self) -> Option<Conn> {\n        self.idle.lock().unwrap().pop()\n    }\n}",
    "def slug(title)\n  title.downcase.gsub(/[^a-z0-9]+/, '-')\nend",
    "<?php\n$user = $_GET['user'];\necho \"<h1>Hello $user</h1>\";\n$rows = mysqli_query($db, \"SELECT * FROM t WHERE user='$user'\");",
    "#!/bin/bash\nfor f in $(ls *.txt); do\n  cp $f /backup/$f\ndone",
    "SELECT c.name, SUM(o.total)\nFROM customers c, orders o\nWHERE o.customer_id = c.id\nGROUP BY c.name",
    "type User = { id: number; name?: string };\n\nfunction greet(u: User): string {\n  return 'Hello ' + u.name.toUpperCase();\n}",
    "def process(data):\n    result = []\n    for i in range(len(data)):\n        for j in range(len(data)):\n            if data[i] == data[j] and i != j:\n                if data[i] not in result:\n                    result.append(data[i])\n    return result",
]
