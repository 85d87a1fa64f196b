# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from getpass import getuser
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.vars.clean import namespace_facts
from ansible_collections.farol.vps.plugins.plugin_utils._apps import check_apps
from ansible_collections.farol.vps.plugins.plugin_utils._options import check_value, did_you_mean
from ansible_collections.farol.vps.plugins.plugin_utils._preflight import (
    ELSEWHERE,
    FACTS,
    SUBSETS,
    Login,
    logins,
    refuses_user,
    runs_nothing,
    unknown_variables,
    unreachable,
    unsupported,
)

ROLES = {
    spec.parent.parent.name: spec.parent.parent
    for spec in Path(__file__).resolve().parents[2].glob("roles/*/meta/argument_specs.yml")
}
ROOT_REMEDY = "log in as root, or set become: true and ansible_become_password"
PYTHON_REMEDY = "install python3 on the host, or correct ansible_python_interpreter"
TTY_REMEDY = "take requiretty out of its sudoers, since pipelining has no terminal to give"


class Refused(Exception):
    """The host can't be managed; each argument is one reason."""


class RunsNothing(Exception):
    """The host lets the user in, and answers every command with the text in the argument."""


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            {
                "roles": {"type": "list", "elements": "str", "required": True},
                "fallback_users": {"type": "list", "elements": "str", "default": []},
                "fallback_ports": {"type": "list", "elements": "int", "default": []},
            }
        )
        host = task_vars["inventory_hostname"]
        own = self._login()
        reasons, silent = [], set()
        waiting = logins(own, args["fallback_users"], args["fallback_ports"])
        for login in waiting:
            if login.port in silent:
                continue
            self._use(login, anew=login != own)
            try:
                result = self._preflight(args["roles"], task_vars)
            except Refused as refusal:
                lines = "\n".join(f"{host}: {line}" for line in refusal.args)
                return {"failed": True, "msg": lines}
            except RunsNothing as answer:
                said = str(answer)
                reasons.append(self._tell(runs_nothing, host, said))
                named = [Login(name, login.port) for name in ELSEWHERE.findall(said)]
                waiting += [other for other in named if other not in waiting]
                continue
            except AnsibleConnectionFailure as failure:
                said = str(failure)
                reasons.append(self._tell(unreachable, host, said))
                if not refuses_user(said):
                    silent.add(login.port)
                continue
            if login != own:
                result["login"] = login._asdict()
                result["wanted"] = own._asdict()
            return result
        return {"unreachable": True, "msg": "\n".join(reasons)}

    def _login(self):
        return Login(self._option("remote_user") or getuser(), int(self._option("port") or 22))

    def _use(self, login, anew):
        """A connection that an earlier run has left open would let in whom the host no longer does: `anew` is without those."""
        if login != self._login():
            self._connection.set_option("remote_user", login.user)
            self._connection.set_option("port", login.port)
            if self._connection.become:
                # Root needs no sudo, and would wait for the sign of success that the user before was to give.
                self._connection.become.success = ""
        if anew:
            self._connection.reset()

    def _preflight(self, roles, task_vars):
        specs, defaults = self._load([role.removeprefix("farol.vps.") for role in roles])
        facts = task_vars.get("ansible_facts", {})
        complete = facts.keys() >= set(FACTS)
        result = {"changed": False}

        faults, unresolved = self._check(specs, defaults, task_vars)
        if faults or (unresolved and complete):
            raise Refused(*faults, *unresolved)
        if not complete:
            self._require_root()
            result["ansible_facts"] = self._gather(task_vars)
            gathered = namespace_facts(result["ansible_facts"])
            facts = gathered["ansible_facts"]
            if unresolved:  # for want of facts, perhaps
                variables = {**task_vars, **result["ansible_facts"], **gathered}
                faults, unresolved = self._check(specs, defaults, variables)
                if faults or unresolved:
                    raise Refused(*faults, *unresolved)
        if fault := unsupported(facts):
            raise Refused(fault)
        return result

    def _load(self, roles):
        """The options of each role, and the defaults of all, which a play may not have loaded."""
        specs, defaults = {}, {}
        for role in roles:
            if role not in ROLES:
                raise Refused(f"farol.vps has no role {role}{did_you_mean(role, ROLES)}")
            specs[role] = self._options(role)
            path = ROLES[role] / "defaults" / "main.yml"
            if path.is_file():
                defaults |= self._loader.load_from_file(str(path), trusted_as_template=True) or {}
        if "nginx" in specs and "app" not in specs:
            specs["nginx"]["apps"] = {**self._options("app")["apps"], "required": False}
        return specs, defaults

    def _options(self, role):
        spec = self._loader.load_from_file(str(ROLES[role] / "meta" / "argument_specs.yml"))
        return spec["argument_specs"]["main"].get("options", {})

    def _check(self, specs, defaults, variables):
        """The faults of the variables, and the lines on those that can't be resolved."""
        faults = unknown_variables(variables, specs, ROLES)
        unresolved = []
        templar = self._templar.copy_with_new_env(available_variables={**defaults, **variables})
        for name, option in (item for options in specs.values() for item in options.items()):
            if name not in variables:
                faults += [f"{name}: missing"] if option.get("required") else []
                continue
            if name in defaults and variables[name] == defaults[name]:
                continue
            gaps = {}
            value = resolve(templar, variables[name], name, gaps)
            found = check_value(value, option, name)
            found = [fault for fault in found if fault.partition(": ")[0] not in gaps]
            if name == "apps" and not found and not gaps:
                found = check_apps(value)
            faults += found
            unresolved += [f"{path}: {reason}" for path, reason in gaps.items()]
        return faults, unresolved

    def _require_root(self):
        try:
            answer = self._low_level_execute_command("id -u", sudoable=True)
        except AnsibleError as error:
            if isinstance(error, AnsibleConnectionFailure) and "escalation" not in str(error):
                raise
            reason = str(error).splitlines()[-1]
            raise Refused(f"can't become root: {reason}; {ROOT_REMEDY}") from error
        said = answer["stdout"].strip() or answer["stderr"].strip()
        uid = said.splitlines()[-1] if said else ""
        if not uid.isdecimal():
            if self._login().user == "root" or ELSEWHERE.search(said):
                raise RunsNothing(said)
            raise Refused(f"can't become root: {' '.join(said.split())}; {ROOT_REMEDY}")
        if uid != "0":
            raise Refused(f"needs root, and runs as uid {uid}; {ROOT_REMEDY}")

    def _gather(self, task_vars):
        gathered = self._execute_module(
            "ansible.legacy.setup",
            {"gather_subset": list(SUBSETS), "filter": list(FACTS)},
            task_vars=task_vars,
        )
        if gathered.get("failed"):
            if "must have a tty" in gathered.get("module_stderr", "") + gathered["msg"]:
                raise Refused(f"can't become root: its sudo wants a terminal; {TTY_REMEDY}")
            reason = gathered["msg"].rstrip(".")
            raise Refused(f"can't gather facts: {reason}; {PYTHON_REMEDY}")
        return gathered["ansible_facts"]

    def _tell(self, line, host, said):
        user, port = self._login()
        address = self._option("host") or host
        return line(host, address=address, port=port, user=user, said=said)

    def _option(self, name):
        try:
            return self._connection.get_option(name)
        except KeyError:
            return None


def resolve(templar, value, path, gaps):
    """The value with its templates resolved; gaps gets the reason at each path that can't be."""
    try:
        return templar.template(value)
    except AnsibleError as error:
        if isinstance(value, dict):
            return {k: resolve(templar, v, f"{path}.{k}", gaps) for k, v in value.items()}
        if isinstance(value, list):
            return [resolve(templar, v, f"{path}[{i}]", gaps) for i, v in enumerate(value)]
        gaps[path] = error.message
        return None
