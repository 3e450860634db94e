import { StorageError } from "../errors.js";
import type { Owner } from "../storage/storage.js";
import type { Dialect } from "./dialect.js";
import type { Driver, Param, Row, Statement } from "./driver.js";
import { migrate, type SetupMode } from "./migrator.js";
import { Assembler } from "./parts.js";
import { READ_AGAIN, retrying } from "./retry.js";
import { Scope } from "./scope.js";
import { Statements } from "./statements.js";

const MODES: readonly unknown[] = ["auto", "verify", "off"];

/** A driver and its tables, which are made before the first statement; views share it. */
export class Database {
  readonly dialect: Dialect;
  readonly assembler: Assembler;
  readonly #driver: Driver;
  readonly #mode: SetupMode;
  readonly #statements = new Map<string, Statements>();
  #ready: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(driver: Driver, dialect: Dialect, setup: SetupMode) {
    if (!MODES.includes(setup)) {
      throw new StorageError("INVALID_ARGUMENT", "setup", `must be one of ${MODES.join(", ")}`);
    }
    this.#mode = setup;
    this.#driver = driver;
    this.dialect = dialect;
    this.assembler = new Assembler(dialect);
  }

  /** The texts of a scope: those of one owner's fields are those of all of them. */
  statements(scope: Scope): Statements {
    const known = this.#statements.get(scope.key);
    if (known !== undefined) return known;
    const made = new Statements(this.dialect, scope);
    this.#statements.set(scope.key, made);
    return made;
  }

  scope(owner?: Owner): Scope {
    return new Scope(this.dialect, owner);
  }

  setup(): Promise<void> {
    if (this.#closed !== undefined) {
      return Promise.reject(new StorageError("CLOSED", "setup", "the storage was closed"));
    }
    if (this.#ready === undefined) {
      const ready = retrying(() => migrate(this.#driver, this.dialect, this.#mode, Date.now));
      ready.catch(() => {
        this.#ready = undefined;
      });
      this.#ready = ready;
    }
    return this.#ready;
  }

  close(): Promise<void> {
    this.#closed ??= this.#driver.close();
    return this.#closed;
  }

  async query(text: string, params: readonly Param[]): Promise<Row[]> {
    await this.setup();
    return retrying(() => this.#driver.query(text, params), READ_AGAIN);
  }

  async batch(statements: readonly Statement[]): Promise<boolean> {
    await this.setup();
    return retrying(() => this.#driver.batch(statements));
  }
}
