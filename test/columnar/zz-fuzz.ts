import fc from 'fast-check'
import { Block } from '../../src/columnar/block.ts'
import { BlockBuilder } from '../../src/columnar/builder.ts'
import { encodeValue, decodeValue } from '../../src/columnar/codec.ts'
import { toArrowIPC, fromArrowIPC } from '../../src/columnar/arrow.ts'
import { HeapArena } from './heap-arena.ts'
import { difference } from './same.ts'
import { rows, anything } from './values.ts'
import * as arrow from 'apache-arrow'
const arena = new HeapArena(1<<24), b = new BlockBuilder()
process.on('warning',()=>{})
const kinds = new Map<string, number>()
let t = performance.now()
fc.assert(fc.property(anything, v => { const d=difference(decodeValue(encodeValue(v)), v); if(d) throw new Error(d) }), {numRuns: 30000})
console.log('codec', performance.now()-t); t=performance.now()
fc.assert(fc.property(fc.array(rows,{minLength:1,maxLength:3}), bs => {
  for (const values of bs) {
    for (const v of values) b.append(v)
    const est=b.byteLength
    const ref=b.seal(arena,1)
    if (ref.bytes > est*2+20000) throw new Error('est '+est+' '+ref.bytes)
    const bl=Block.open(arena,ref.ptr)
    const k=bl.signature.replace(/".*?"/g,'n'); kinds.set(k,(kinds.get(k)??0)+1)
    const d=difference(Array.from(bl.decode(0,bl.rows)), values); if(d) throw new Error(d+' '+bl.signature)
    values.forEach((v,i)=>{const d=difference(bl.get(i),v); if(d) throw new Error('get '+d)})
    arena.free(ref.ptr)
  }
  arena.rewind()
}), {numRuns: 12000})
console.log('block', performance.now()-t, kinds.size, [...kinds].sort((x,y)=>y[1]-x[1]).slice(0,40)); t=performance.now()
fc.assert(fc.property(fc.array(rows,{minLength:1,maxLength:3}), bs => {
  const refs=bs.map(values=>{for (const v of values) b.append(v); return b.seal(arena,1)})
  const bytes=toArrowIPC(refs.map(r=>Block.open(arena,r.ptr)))
  for(const r of refs) arena.free(r.ptr)
  const back=fromArrowIPC(bytes,arena,1)
  const again=toArrowIPC(back.map(r=>Block.open(arena,r.ptr)))
  for(const r of back) arena.free(r.ptr)
  const A=arrow.tableFromIPC(bytes), B=arrow.tableFromIPC(again)
  if (A.numRows!==bs.flat().length) throw new Error('rows')
  const js=(t:any)=>JSON.stringify(t.toArray().map((r:any)=>r.toJSON()),(_,v)=>typeof v==='bigint'?String(v):v)
  const a=js(A); js(B)
  arena.rewind()
}), {numRuns: 2000})
console.log('arrow', performance.now()-t)
