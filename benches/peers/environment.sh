# Sourced: `peers PACKAGE..` makes $python, an environment with these packages from PyPI. It is thrown away with the
# machine's temporary files, or kept and used again where PEERS_ENV names a folder.
peers() {
  local environment=${PEERS_ENV:-$(mktemp -d)/peers}
  python=$environment/bin/python
  [ -x "$python" ] || python3 -m venv "$environment"
  "$python" -m pip install --quiet "$@"
}
