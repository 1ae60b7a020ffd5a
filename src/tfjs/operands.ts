/**
 * What kernels read under a policy: the operand itself where it lies on the grid, else its rounded copy; or an image made by a
 * quantiser. Where random draws begin is decided here, so that equal programs draw equally, whatever was alive before.
 */
import { ArgumentError } from '../errors.ts';
import { isStochastic } from '../rounding/options.ts';
import { sizeOf } from '../shape.ts';
import type { TensorAccess } from './access.ts';
import { type Call, draw, type HeldCopy, type Layer } from './call.ts';
import type { RoleRounding } from './effect.ts';
import { fingerprint } from './fingerprint.ts';
import type {
  Backend,
  DataId,
  KernelArguments,
  KernelFunction,
  KernelInputs,
  TensorInfo,
} from './internals.ts';
import { summedAxis } from './products.ts';
import type { Origin, Shadows } from './shadows.ts';

interface ReadyOperands {
  readonly inputs: KernelInputs;
  /** Tensors that were made for this call alone. */
  readonly made: readonly TensorInfo[];
}

/** The float32 tensors among a kernel's operands, by name. Throws ArgumentError for complex numbers and strings. */
export function floatOperands(name: string, inputs: KernelInputs): [string, TensorInfo][] {
  const floats: [string, TensorInfo][] = [];
  for (const [key, info] of Object.entries(inputs) as [string, TensorInfo | null | undefined][]) {
    if (info === undefined || info === null) continue;
    if (info.dtype === 'complex64' || info.dtype === 'string')
      throw new ArgumentError(
        `${name}.${key}`,
        info.dtype,
        'float32, int32 and bool tensors while their role is emulated',
      );
    if (info.dtype === 'float32') floats.push([key, info]);
  }
  return floats;
}

/** A tensor with other data. It stays a tensor: kernels read more of it than its info has, such as `rank`. */
function withData(info: TensorInfo, dataId: DataId): TensorInfo {
  return Object.assign(Object.create(Object.getPrototypeOf(info) as object), info, { dataId });
}

/** A kernel's inputs with some of them replaced. */
export function replaceInputs(
  inputs: KernelInputs,
  replaced: Readonly<Record<string, TensorInfo>>,
): KernelInputs {
  const all = { ...(inputs as Record<string, TensorInfo>), ...replaced };
  return Array.isArray(inputs) ? Object.values(all) : all;
}

export class Operands {
  readonly #backend: Backend;
  readonly #access: TensorAccess;
  readonly #shadows: Shadows;
  readonly #quantize: KernelFunction;

  constructor(backend: Backend, access: TensorAccess, shadows: Shadows, quantize: KernelFunction) {
    this.#backend = backend;
    this.#access = access;
    this.#shadows = shadows;
    this.#quantize = quantize;
  }

  /** What a kernel that does arithmetic reads. */
  ready({ inputs, attrs }: KernelArguments, call: Call): ReadyOperands {
    const { name, effect } = call;
    const made: TensorInfo[] = [];
    const replaced: Record<string, TensorInfo> = {};
    try {
      for (const [key, info] of floatOperands(name, inputs)) {
        if (call.images.has(key)) continue;
        const { rounding, quantizer } = effect.treatment(key);
        let dataId = rounding === null ? info.dataId : this.onGrid(info, call, rounding);
        if (quantizer !== undefined && !this.#shadows.isExact(info.dataId)) {
          const given = quantizer(summedAxis(name, key, attrs));
          const isRandom = isStochastic(given.rounding.rounding);
          const options = {
            quantizer: given,
            call: isRandom ? { offset: call.layer.cursor } : undefined,
          };
          if (isRandom) call.layer.cursor += sizeOf(info.shape);
          const image = this.#quantize({
            inputs: { x: withData(info, dataId) },
            backend: this.#backend,
            attrs: options,
          }) as TensorInfo;
          made.push(image);
          dataId = image.dataId;
        }
        if (dataId !== info.dataId) replaced[key] = withData(info, dataId);
      }
    } catch (error) {
      this.free(made);
      throw error;
    }
    const isSame = Object.keys(replaced).length === 0;
    return { inputs: isSame ? inputs : replaceInputs(inputs, replaced), made };
  }

  free(made: readonly TensorInfo[]): void {
    for (const { dataId } of made) this.#backend.disposeData(dataId);
  }

  /** The data itself if its values are on the grid, else its shadow. */
  onGrid(info: TensorInfo, call: Call, rounding: RoleRounding): DataId {
    const { dataId, shape } = info;
    const { grid } = rounding;
    if (this.#shadows.isOn(grid, dataId)) return dataId;
    const known = this.#shadows.find(grid, dataId);
    if (known !== undefined) return known;
    const { log } = call.layer;
    const origin = rounding.stochastic ? this.#shadows.originOf(dataId) : undefined;
    if (origin !== undefined) this.#addMoved(origin, call, rounding);
    else {
      const size = sizeOf(shape);
      const [copy, offset] = size === 0 ? [null] : this.#rounded(info, call.layer, rounding);
      if (copy === null) this.#shadows.tag(grid, dataId);
      else this.#shadows.add(grid, info, copy, offset);
    }
    const shadow = this.#shadows.find(grid, dataId) ?? dataId;
    if (log !== undefined) {
      const rounded = { ...info, dataId: shadow };
      const counts = this.#access.countErrors(this.#access.place(info), rounded, grid.format);
      log.addCounts('operands', call.role, call.path.join('/'), sizeOf(shape), counts);
    }
    return shadow;
  }

  /** A rounded copy and where its draws began; null if the values are on the grid, for which nothing is drawn. */
  #rounded(info: TensorInfo, layer: Layer, rounding: RoleRounding): [DataId | null, number | undefined] {
    const held = rounding.stochastic ? this.#heldCopy(info, layer, rounding) : undefined;
    const offset = held?.offset ?? layer.cursor;
    const copy = this.#access.roundedCopy(info, rounding, offset);
    if (copy === null || !rounding.stochastic) return [copy, undefined];
    if (held === undefined) draw(sizeOf(info.shape), layer, rounding);
    return [copy, offset];
  }

  /** The copy of these contents among those of a state that was set; it is no longer one of them. */
  #heldCopy(info: TensorInfo, layer: Layer, rounding: RoleRounding): HeldCopy | undefined {
    const grid = layer.policy.grids.indexOf(rounding.grid);
    const size = sizeOf(info.shape);
    if (!layer.held.some((held) => held.size === size && held.grid === grid)) return undefined;
    const contents = fingerprint(this.#access.values(info));
    const found = layer.held.findIndex(
      (held) => held.size === size && held.grid === grid && held.contents === contents,
    );
    return found < 0 ? undefined : layer.held.splice(found, 1)[0];
  }

  /** Makes the copies that a kernel makes by moving the rounded copies of its operands. */
  #addMoved(origin: Origin, call: Call, rounding: RoleRounding): void {
    const { kernel, args } = origin;
    const replaced: Record<string, TensorInfo> = {};
    for (const [key, info] of floatOperands(call.name, args.inputs)) {
      const { shape, dtype } = info;
      replaced[key] = { dataId: this.onGrid(info, call, rounding), shape, dtype };
    }
    const copies = [kernel({ ...args, inputs: replaceInputs(args.inputs, replaced) })].flat();
    this.#shadows.addMoved(rounding.grid, origin, copies);
  }

  /** The rounded copies that are alive and drew, as plain data. */
  held({ policy, held }: Layer): HeldCopy[] {
    const { grids } = policy;
    const alive = this.#shadows.drawn(new Set(grids)).map(({ grid, master, offset }) => {
      const values = this.#access.values(master);
      return { grid: grids.indexOf(grid), size: values.length, contents: fingerprint(values), offset };
    });
    return [...alive, ...held];
  }
}
