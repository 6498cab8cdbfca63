# shellcheck shell=bash disable=SC2034,SC2154
# What verbs.sh and transactions.sh begin with. Source it after lib.sh.

setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  Dog:
    fields:
      name:  {type: string, required: true}
      breed: string
      age:   string
YAML
    D1=$M/v1/Dog D2=$M/v2/Dog
    put "$D1/rex.json" '{"name": "Rex", "breed": "Beagle", "age": "3"}'
    cat >"$T/v2.yaml" <<'YAML'
version: v2
from: v1
migrate:
  - change_type: {type: Dog, field: age, to: integer, up: "CAST(age AS INTEGER)", down: "CAST(age AS TEXT)"}
  - rename_field: {type: Dog, from: name, to: call_name}
YAML
}

add_v2() { add v2 <"$T/v2.yaml"; }

# many COUNT: so many dogs d0.json, d1.json, ... through v1.
many() {
    python3 - "$D1" "$1" <<'PY'
import sys
for n in range(int(sys.argv[2])):
    with open(f"{sys.argv[1]}/d{n}.json", "w") as f:
        f.write('{"name": "dog %d", "breed": "breed %d", "age": "%d"}' % (n, n % 10, n % 20))
PY
}
